import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { toPortableMask } from "../../routing/image/mask.ts";
import { sniffPicture } from "../../routing/image/sniff.ts";
import { pngOf } from "../support/pictures.ts";

const PIXEL_BYTES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 4: 2, 6: 4 };

/** A mask of one row a word: `w` white, `k` black, both opaque; `t` black and transparent. */
function aMask(colour: 0 | 2 | 4 | 6, ...words: readonly string[]) {
  const width = words[0]?.length ?? 0;
  const rows = words.flatMap((word) => [
    0,
    ...[...word].flatMap((letter) => {
      const grey = letter === "w" ? 255 : 0;
      const samples = colour === 2 || colour === 6 ? [grey, grey, grey] : [grey];
      return colour >= 4 ? [...samples, letter === "t" ? 0 : 255] : samples;
    }),
  ]);
  expect(rows).toHaveLength(words.length * (1 + width * (PIXEL_BYTES[colour] ?? 0)));
  return { format: "png", bytes: pngOf({ width, height: words.length, colour }, Uint8Array.from(rows)) } as const;
}

/** The pixels of a mask as it goes upstream: `F` transparent white, `.` opaque black, `?` anything else. */
function shown(bytes: Uint8Array<ArrayBuffer>): readonly string[] {
  const info = sniffPicture(bytes);
  if (typeof info !== "object") throw new Error("no picture");
  const length = new DataView(bytes.buffer).getUint32(33);
  const rows = inflateSync(bytes.subarray(41, 41 + length));
  return Array.from({ length: info.height }, (_, y) =>
    Array.from({ length: info.width }, (_, x) => {
      const at = y * (1 + info.width * 4) + 1 + x * 4;
      const pixel = rows.subarray(at, at + 4).join();
      return pixel === "255,255,255,0" ? "F" : pixel === "0,0,0,255" ? "." : "?";
    }).join(""),
  );
}

const portable = async (mask: Parameters<typeof toPortableMask>[0]) => {
  const made = await toPortableMask(mask);
  return made && shown(made.bytes);
};

describe("a mask for any server", () => {
  it.each([4, 6] as const)("frees what is transparent, as OpenAI has it (colour type %d)", async (colour) => {
    expect(await portable(aMask(colour, "ttw", "kww", "kkt"))).toEqual(["FF.", "...", "..F"]);
  });

  it.each([0, 2, 4, 6] as const)(
    "frees what is white where nothing is transparent (colour type %d)",
    async (colour) => {
      expect(await portable(aMask(colour, "wk", "kw"))).toEqual(["F.", ".F"]);
    },
  );

  it("stays the same when it is one already", async () => {
    const once = await toPortableMask(aMask(6, "tw", "wt"));
    const twice = once && (await toPortableMask(once));
    expect(Buffer.from(twice?.bytes ?? []).equals(Buffer.from(once?.bytes ?? [1]))).toBe(true);
  });

  it("may be as wide as pictures are", async () => {
    const wide = "k".repeat(3000) + "w".repeat(1096);
    const rows = await portable(aMask(0, wide, wide));
    expect(rows?.[1]).toBe(".".repeat(3000) + "F".repeat(1096));
  });

  it("goes as it came where it is no plain PNG", async () => {
    const palette = { format: "png", bytes: pngOf({ width: 1, height: 1, colour: 3 }, Uint8Array.of(0, 0)) } as const;
    const jpeg = { format: "jpeg", bytes: Uint8Array.of(0xff, 0xd8, 0xff) } as const;
    expect(await toPortableMask(palette)).toBe(palette);
    expect(await toPortableMask(jpeg)).toBe(jpeg);
  });

  it("is refused when it is damaged", async () => {
    const { bytes } = aMask(6, "tw", "wt");
    expect(await toPortableMask({ format: "png", bytes: bytes.slice(0, bytes.length - 16) })).toBeUndefined();
    expect(await toPortableMask({ format: "png", bytes: bytes.slice(0, 45) })).toBeUndefined();
    const short = pngOf({ width: 2, height: 3, colour: 0 }, Uint8Array.of(0, 255, 255));
    expect(await toPortableMask({ format: "png", bytes: short })).toBeUndefined();
  });
});
