/** A picture that was damaged anywhere on its way is found before it becomes an export. */
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { chanceFrom } from "../../infra/gpu/simulator/chance.ts";
import { SourceBroke, verifyPicture } from "../../routing/exports/index.ts";
import { canvas, flat } from "../image/drawings.ts";
import { streamOf } from "../image/streams.ts";

const WIDTH = 300;
const HEIGHT = 200;
const PROMISED = { format: "png", width: WIDTH, height: HEIGHT } as const;

function chunk(type: string, data: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(data.length);
  header.write(type, 4, "latin1");
  return Buffer.concat([header, data, Buffer.alloc(4)]);
}

/** An RGB picture of noise in several pixel chunks. */
function somePng({ rows = HEIGHT } = {}): Uint8Array<ArrayBuffer> {
  const chance = chanceFrom("noise");
  const raw = Buffer.from(
    Uint8Array.from({ length: rows * (WIDTH * 3 + 1) }, (_, index) =>
      index % (WIDTH * 3 + 1) === 0 ? 0 : chance() * 256,
    ),
  );
  const pixels = deflateSync(raw);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH);
  header.writeUInt32BE(HEIGHT, 4);
  header.set([8, 2], 8);
  const parts = Array.from({ length: Math.ceil(pixels.length / 30_000) }, (_, part) =>
    chunk("IDAT", pixels.subarray(part * 30_000, (part + 1) * 30_000)),
  );
  return new Uint8Array(
    Buffer.concat([
      Buffer.from("89504e470d0a1a0a", "hex"),
      chunk("IHDR", header),
      chunk("IDAT", new Uint8Array(0)),
      ...parts,
      chunk("tEXt", Buffer.from("k\0v")),
      chunk("IEND", new Uint8Array(0)),
    ]),
  );
}

describe("verifying a picture", () => {
  const good = somePng();

  it.each([1, 7, 1_000, 1_000_000])("passes a whole one that comes in pieces of %i bytes", async (size) => {
    expect(await verifyPicture(streamOf(good, size), PROMISED)).toBeUndefined();
  });

  it("finds a byte of the pixels that was changed, wherever it stands", async () => {
    const chance = chanceFrom("damage");
    for (let time = 0; time < 40; time += 1) {
      const bad = good.slice();
      const at = 70 + Math.floor(chance() * (good.length - 140));
      // Not within the length, type or CRC of a chunk: those are judged apart.
      if ((at - 45) % 30_012 < 8 || (at - 45) % 30_012 >= 30_008) continue;
      bad[at] = (bad[at] ?? 0) ^ 0x10;
      expect([at, await verifyPicture(streamOf(bad), PROMISED)]).toEqual([at, "truncated"]);
    }
  });

  it("finds one that ends early, and one with fewer rows than it says", async () => {
    for (const length of [good.length - 12, good.length - 5_000, 100_000, 66_000]) {
      expect(await verifyPicture(streamOf(good.slice(0, length)), PROMISED)).toBe("truncated");
    }
    expect(await verifyPicture(streamOf(somePng({ rows: HEIGHT - 1 })), PROMISED)).toBe("truncated");
  });

  it("holds it to its promised size and format", async () => {
    expect(await verifyPicture(streamOf(good), { ...PROMISED, width: 301 })).toBe("wrong_dimensions");
    expect(await verifyPicture(streamOf(good), { ...PROMISED, format: "webp" })).toBe("wrong_format");
    expect(await verifyPicture(streamOf(new Uint8Array(500)), PROMISED)).toBe("not_a_picture");
    expect(await verifyPicture(streamOf(new Uint8Array(0)), PROMISED)).toBe("not_a_picture");
  });

  it("finds one of a single colour, and one of nothing but squares, however large", async () => {
    const size = { width: 1_200, height: 700 };
    const black = canvas(size, flat("#000")).toBuffer("image/png");
    expect(await verifyPicture(streamOf(new Uint8Array(black)), { format: "png", ...size })).toBe("blank");
    const board = canvas(size, (context) => {
      for (let x = 0; x < size.width; x += 8) {
        for (let y = 0; y < size.height; y += 8) {
          context.fillStyle = (x + y) % 16 === 0 ? "#909090" : "#606060";
          context.fillRect(x, y, 8, 8);
        }
      }
    }).toBuffer("image/png");
    expect(await verifyPicture(streamOf(new Uint8Array(board)), { format: "png", ...size })).toBe("checkerboard");
  });

  it("says of bytes that cannot be read to their end nothing but that", async () => {
    for (const bytes of [10, 5_000, good.length - 20]) {
      const pieces = [good.slice(0, bytes)];
      const breaking = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          const piece = pieces.pop();
          if (piece === undefined) controller.error(new Error("the store broke off"));
          else controller.enqueue(piece);
        },
      });
      await expect(verifyPicture(breaking, PROMISED)).rejects.toThrow(SourceBroke);
    }
  });

  it("stops at rows that are more than the header says", async () => {
    const tall = somePng({ rows: HEIGHT + 50 });
    expect(await verifyPicture(streamOf(tall), PROMISED)).toBe("truncated");
  });
});
