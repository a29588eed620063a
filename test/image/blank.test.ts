import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { isBlank } from "../../routing/image/blank.ts";
import { sniffPicture } from "../../routing/image/sniff.ts";
import {
  blackPalettePng,
  blackProgressiveJpeg,
  canvas,
  dot,
  encode,
  flat,
  gradient,
  halves,
  interlacedPng,
  palettePng,
  progressiveJpeg,
  scene,
} from "./drawings.ts";

const SIDES = [128, 512, 1024];
const QUALITIES = [10, 75, 100];

async function judge(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const header = sniffPicture(bytes);
  if (typeof header !== "object") throw new Error("the test's own picture is broken");
  return isBlank(bytes, header);
}

const square = (side: number) => ({ width: side, height: side });

describe("blank pictures", () => {
  it("are recognised in PNG at every size and colour", async () => {
    for (const side of SIDES) {
      for (const colour of ["#000", "#fff", "#7f3a19"]) {
        expect(await judge(encode(canvas(square(side), flat(colour)), "png")), `${side} ${colour}`).toBe(true);
      }
    }
  });

  it("are recognised in JPEG at every size, quality and colour", async () => {
    for (const side of SIDES) {
      for (const colour of ["#000", "#fff", "#7f3a19"]) {
        const made = canvas(square(side), flat(colour));
        for (const quality of QUALITIES) {
          expect(await judge(encode(made, "jpeg", quality)), `${side} ${colour} ${quality}`).toBe(true);
        }
      }
    }
  });

  it("are recognised in WebP at every size and quality when black or white", async () => {
    for (const side of SIDES) {
      for (const colour of ["#000", "#fff"]) {
        const made = canvas(square(side), flat(colour));
        for (const quality of QUALITIES) {
          expect(await judge(encode(made, "webp", quality)), `${side} ${colour} ${quality}`).toBe(true);
        }
      }
    }
  });

  it("are recognised in progressive JPEG and palette PNG", async () => {
    expect(await judge(blackProgressiveJpeg)).toBe(true);
    expect(await judge(blackPalettePng)).toBe(true);
  });
});

describe("pictures that are not blank", () => {
  const drawings = { scene, halves, dot, gradient };
  for (const [name, draw] of Object.entries(drawings)) {
    it(`pass: ${name}, in every format, size and quality`, async () => {
      for (const side of SIDES) {
        const made = canvas(square(side), draw);
        expect(await judge(encode(made, "png")), `png ${side}`).toBe(false);
        for (const quality of QUALITIES) {
          // Rows of a perfect gradient repeat within the pattern length while they are short.
          const jpegTells = draw !== gradient || side >= 512;
          if (jpegTells) expect(await judge(encode(made, "jpeg", quality)), `jpeg ${side} ${quality}`).toBe(false);
          // Two halves are 27 bytes in lossless WebP, and below the line when small. No model draws them.
          const webpTells = draw !== halves || (quality < 100 && side > 128);
          if (webpTells) expect(await judge(encode(made, "webp", quality)), `webp ${side} ${quality}`).toBe(false);
        }
      }
    });
  }

  it("pass: progressive, interlaced and palette encodes", async () => {
    for (const bytes of [progressiveJpeg, interlacedPng, palettePng]) expect(await judge(bytes)).toBe(false);
  });

  it("pass when they are too small to be judged", async () => {
    expect(await judge(encode(canvas(square(32), flat("#000")), "png"))).toBe(false);
  });
});

interface MadePng {
  readonly filter: number;
  readonly level?: number;
  /** RGBA of each pixel. */
  pixel(x: number, y: number): readonly [number, number, number, number];
}

const SIDE = 80;

/** A PNG with the same filter on each row, in two IDAT chunks; the filters are the specification's, written out the other way round. */
function makePng({ filter, level = 9, pixel }: MadePng): Uint8Array<ArrayBuffer> {
  const stride = SIDE * 4;
  const raw = Buffer.alloc((stride + 1) * SIDE);
  const plain = Buffer.alloc(stride * SIDE);
  for (let y = 0; y < SIDE; y++) for (let x = 0; x < SIDE; x++) plain.set(pixel(x, y), y * stride + x * 4);
  const at = (y: number, i: number) => (y < 0 || i < 0 ? 0 : (plain[y * stride + i] ?? 0));
  for (let y = 0; y < SIDE; y++) {
    raw[y * (stride + 1)] = filter;
    for (let i = 0; i < stride; i++) {
      const [a, b, c] = [at(y, i - 4), at(y - 1, i), at(y - 1, i - 4)];
      const nearest = [a, b, c].sort((p, q) => Math.abs(a + b - c - p) - Math.abs(a + b - c - q))[0] ?? 0;
      const guess = [0, a, b, Math.floor((a + b) / 2), nearest][filter] ?? 0;
      raw[y * (stride + 1) + 1 + i] = at(y, i) - guess;
    }
  }
  const deflated = deflateSync(raw, { level });
  const chunk = (type: string, data: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return [length, Buffer.from(type), data, Buffer.alloc(4)];
  };
  const header = Buffer.from([0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 6, 0, 0, 0]);
  return new Uint8Array(
    Buffer.concat([
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      ...chunk("IHDR", header),
      ...chunk("IDAT", deflated.subarray(0, 11)),
      ...chunk("IDAT", deflated.subarray(11)),
      ...chunk("IEND", Buffer.alloc(0)),
    ]),
  );
}

describe("PNG row filters", () => {
  for (const filter of [0, 1, 2, 3, 4]) {
    it(`filter ${filter} is undone: flat is flat, and one pixel that differs is seen`, async () => {
      expect(await judge(makePng({ filter, pixel: () => [12, 34, 56, 255] }))).toBe(true);
      expect(await judge(makePng({ filter, pixel: () => [0, 0, 0, 255] }))).toBe(true);
      const blue = (x: number, y: number) => (x === 70 && y === 77 ? 59 : 56);
      expect(await judge(makePng({ filter, pixel: (x, y) => [12, 34, blue(x, y), 255] }))).toBe(false);
    });
  }

  for (const filter of [0, 1, 2, 3, 4]) {
    it(`filter ${filter} is undone exactly: differences within the tolerance do not add up`, async () => {
      const grain = (x: number, y: number) => 100 + ((x * 7 + y * 5 + ((x * y) >> 3)) % 3);
      expect(await judge(makePng({ filter, pixel: (x, y) => [grain(x, y), grain(y, x), 100, 255] }))).toBe(true);
    });
  }

  it("sees a flat picture that was stored without compression", async () => {
    expect(await judge(makePng({ filter: 0, level: 0, pixel: () => [0, 0, 0, 255] }))).toBe(true);
  });

  it("counts a difference of two levels as the same colour", async () => {
    expect(await judge(makePng({ filter: 0, pixel: (x) => [x % 3, 0, 0, 255] }))).toBe(true);
    expect(await judge(makePng({ filter: 0, pixel: (x) => [x % 4, 0, 0, 255] }))).toBe(false);
  });

  it("fails open on a JPEG without its end", async () => {
    const black = encode(canvas(square(256), flat("#000")), "jpeg");
    expect(await judge(black)).toBe(true);
    expect(await judge(black.slice(0, -2))).toBe(false);
  });

  it("fails open on damaged pixels", async () => {
    const png = makePng({ filter: 0, pixel: () => [0, 0, 0, 255] });
    png.fill(0xff, 60, 70);
    expect(await judge(png)).toBe(false);
  });
});
