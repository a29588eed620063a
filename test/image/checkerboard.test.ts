/** Checkerboards are told from pictures: planted ones of every size with noise on top, against drawings of all kinds. */
import { describe, expect, it } from "vitest";
import { chanceFrom } from "../../infra/gpu/simulator/chance.ts";
import { drawPicture } from "../../infra/gpu/simulator/draw/draw.ts";
import type { PictureSpec } from "../../infra/gpu/simulator/draw/picture.ts";
import { createCheckerboardJudge } from "../../routing/image/checkerboard.ts";
import { createRowReader } from "../../routing/image/png-rows.ts";
import { inflatePixels, type PngHeader, pngHeader } from "../../routing/image/png-stream.ts";
import { canvas, dot, gradient, halves, scene } from "./drawings.ts";
import { streamOf } from "./streams.ts";

const GREY: PngHeader = { width: 300, height: 300, depth: 8, colour: 0, pixelBits: 8, interlaced: false };

function judged(pixel: (x: number, y: number) => number, header = GREY): boolean | undefined {
  const judge = createCheckerboardJudge(header);
  for (let y = 0; y < header.height; y++) {
    judge?.row(Uint8Array.from({ length: header.width }, (_, x) => pixel(x, y)));
  }
  return judge?.isCheckerboard();
}

async function judgedFile(file: Uint8Array<ArrayBuffer>): Promise<boolean | undefined> {
  const header = pngHeader(file);
  const judge = createCheckerboardJudge(header);
  const rows = createRowReader(header, (row) => {
    judge?.row(row);
    return true;
  });
  await inflatePixels(streamOf(file, 10_000), (piece) => rows.push(piece));
  return judge?.isCheckerboard();
}

/** 0 or 1 by the square. */
const square = (x: number, y: number, side: number): number => (Math.floor(x / side) + Math.floor(y / side)) % 2;

describe("a checkerboard", () => {
  it.each([1, 2, 4, 8, 16])("of squares of %i px is found", (side) => {
    expect(judged((x, y) => 60 + 100 * square(x, y, side))).toBe(true);
  });

  it.each([1, 2, 4, 8, 16])("of squares of %i px is found under noise and a gradient", (side) => {
    const chance = chanceFrom("noise", side);
    expect(judged((x, y) => 40 + 100 * square(x, y, side) + x / 8 + chance() * 20)).toBe(true);
  });

  it("is found in colour, and in a picture of many bands", () => {
    const header = { ...GREY, height: 1_000 };
    expect(judged((x, y) => 100 + 60 * square(x, y, 8), header)).toBe(true);
  });
});

describe("not a checkerboard", () => {
  it.each([
    ["noise", () => (x: number, y: number) => chanceFrom(x, y)() * 256],
    ["a gradient", () => (x: number, y: number) => (x + y) / 3],
    ["stripes", () => (x: number) => 200 * (Math.floor(x / 4) % 2)],
    ["a chess board of large fields", () => (x: number, y: number) => 200 * square(x, y, 60)],
    ["fields that are no power of two", () => (x: number, y: number) => 200 * square(x, y, 11)],
    ["a faint board that nobody sees", () => (x: number, y: number) => 100 + 2 * square(x, y, 8)],
    [
      "a board on a quarter of the picture",
      () => (x: number, y: number) =>
        x < 150 && y < 150 ? 60 + 100 * square(x, y, 8) : (x * 7 + y * 3 + ((x * y) % 97)) % 256,
    ],
  ])("is %s", (_what, make) => {
    expect(judged(make())).toBe(false);
  });

  it.each(["sketch", "smooth", "smooth-fast", "detailed", "poster"] as const)(
    "is a drawing of the simulator in the look %s",
    async (look) => {
      for (let seed = 0; seed < 4; seed++) {
        const spec: PictureSpec = {
          ...{ prompt: "a lighthouse at dusk, checkered flags", seed, width: 384, height: 320, format: "png", look },
          text: seed % 2 === 0 ? [] : ["GLOW"],
          ...{ version: "v", steps: 20, guidance: 4 },
        };
        expect(await judgedFile(new Uint8Array(await drawPicture(spec)))).toBe(false);
      }
    },
  );

  it.each([
    ["a scene", scene],
    ["two halves", halves],
    ["a dot", dot],
    ["a gradient", gradient],
  ])("is %s", async (_what, draw) => {
    const file = canvas({ width: 300, height: 280 }, draw).toBuffer("image/png");
    expect(await judgedFile(new Uint8Array(file))).toBe(false);
  });

  it("is judged in no palette and below eight bits", () => {
    expect(createCheckerboardJudge({ ...GREY, colour: 3 })).toBeUndefined();
    expect(createCheckerboardJudge({ ...GREY, depth: 4, pixelBits: 4 })).toBeUndefined();
  });
});
