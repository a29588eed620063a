import { loadImage } from "@napi-rs/canvas";
import { describe, expect, it } from "vitest";
import { drawPicture } from "../../infra/gpu/simulator/draw/draw.ts";
import { type PictureSpec, quotedIn } from "../../infra/gpu/simulator/draw/picture.ts";
import { difference, formatOf, pixelsOf } from "./look.ts";

function aPicture(changes: Partial<PictureSpec> = {}): PictureSpec {
  return {
    look: "smooth",
    version: "sd3.5-medium@b940f670f0ed",
    prompt: "a lake",
    seed: 1,
    width: 256,
    height: 192,
    steps: 28,
    guidance: 4.5,
    text: [],
    format: "png",
    ...changes,
  };
}

describe("simulated pictures", () => {
  it("are the same bytes for the same request", async () => {
    expect(await drawPicture(aPicture())).toEqual(await drawPicture(aPicture()));
  });

  it.each<[string, Partial<PictureSpec>]>([
    ["prompt", { prompt: "a lake at night" }],
    ["seed", { seed: 2 }],
    ["version", { version: "sd3.5-medium@5f2c81d07a3e" }],
    ["look", { look: "sketch" }],
    ["steps", { steps: 4 }],
    ["negative prompt", { negativePrompt: "blurry" }],
    ["lettering", { text: ["HELLO"] }],
  ])("differ by %s", async (_, change) => {
    expect(await difference(await drawPicture(aPicture()), await drawPicture(aPicture(change)))).toBeGreaterThan(0.1);
  });

  it.each(["png", "webp", "jpeg"] as const)("are %s of the asked size when asked for", async (format) => {
    const bytes = await drawPicture(aPicture({ format, width: 320, height: 144 }));
    expect(formatOf(bytes)).toBe(format);
    expect(await loadImage(bytes)).toMatchObject({ width: 320, height: 144 });
  });

  it("show the same scene as draft, preview and export, each in its own look", async () => {
    const [sketch, smooth, other] = await Promise.all([
      drawPicture(aPicture({ look: "smooth-fast" })),
      drawPicture(aPicture()),
      drawPicture(aPicture({ prompt: "city towers at night" })),
    ]);
    expect(await difference(sketch, smooth)).toBeLessThan((await difference(smooth, other)) / 2);
  });

  it.each<[string, Partial<PictureSpec>]>([
    ["asked as text", { text: ["HELLO THERE"] }],
    ["quoted in the prompt", { prompt: "a lake at night, sign reads 'HELLO THERE'" }],
  ])("carry words %s as bright letters with dark edges", async (_, change) => {
    const night = { prompt: "a lake at night" };
    const plain = await pixelsOf(await drawPicture(aPicture(night)));
    const lettered = await pixelsOf(await drawPicture(aPicture({ ...night, ...change })));
    expect(brightShare(lettered, 20, 66) - brightShare(plain, 20, 66)).toBeGreaterThan(0.06);
    if (change.prompt === undefined)
      expect(brightShare(lettered, 100, 180)).toBeCloseTo(brightShare(plain, 100, 180), 1);
  });

  it("keep long lines inside the picture by breaking and shrinking them", async () => {
    const text = ["a very long line that nobody could set in one go, however small the letters", "and another one"];
    const lettered = await drawPicture(aPicture({ text, width: 160, height: 320 }));
    expect(await difference(lettered, await drawPicture(aPicture({ width: 160, height: 320 })))).toBeGreaterThan(3);
  });

  it("take their colours from the prompt", async () => {
    const warmth = async (prompt: string) => {
      const { data } = await pixelsOf(await drawPicture(aPicture({ prompt, seed: 3 })));
      let red = 0;
      let blue = 0;
      for (let at = 0; at < data.length; at += 4) {
        red += data[at] ?? 0;
        blue += data[at + 2] ?? 0;
      }
      return red / blue;
    };
    for (const noun of ["hills", "towers", "flowers"]) {
      expect(await warmth(`red and orange ${noun}`)).toBeGreaterThan(1.1);
      expect(await warmth(`blue and indigo ${noun}`)).toBeLessThan(0.95);
    }
  });

  it("weigh what real pictures weigh", async () => {
    const size = { width: 1024, height: 1024 };
    const png = await drawPicture(aPicture(size));
    expect(png.length).toBeGreaterThan(900_000);
    expect(png.length).toBeLessThan(2_500_000);
    for (const format of ["webp", "jpeg"] as const) {
      const bytes = await drawPicture(aPicture({ ...size, format }));
      expect(bytes.length / 1024 ** 2, format).toBeGreaterThan(0.1);
      expect(bytes.length / 1024 ** 2, format).toBeLessThan(0.5);
    }
  });

  it("are all black, blurred or of half the size when spoiled so", async () => {
    expect(await pixelsOf(await drawPicture(aPicture({ spoiled: "black" })))).toMatchObject({ mean: 0, spread: 0 });
    expect(await loadImage(await drawPicture(aPicture({ spoiled: "half-size" })))).toMatchObject({
      width: 128,
      height: 96,
    });
    const [sharp, blurred] = await Promise.all([
      drawPicture(aPicture({ format: "webp" })),
      drawPicture(aPicture({ format: "webp", spoiled: "blurred" })),
    ]);
    expect(blurred.length).toBeLessThan(sharp.length / 3);
  });

  it("keep the reference where the mask says so, and draw anew where it does not", async () => {
    const reference = await drawPicture(aPicture({ prompt: "reference", look: "poster", seed: 9 }));
    const mask = await halfMask(256, 192);
    const edited = await drawPicture(aPicture({ image: { bytes: reference, keep: 0.5 }, mask }));
    const [before, after] = [await pixelsOf(reference), await pixelsOf(edited)];
    const at = (x: number, y: number) => (y * 256 + x) * 4;
    const change = (x: number) => {
      let sum = 0;
      for (let y = 20; y < 150; y += 1) sum += Math.abs((before.data[at(x, y)] ?? 0) - (after.data[at(x, y)] ?? 0));
      return sum / 130;
    };
    expect(change(40)).toBeLessThan(12);
    expect(change(200)).toBeGreaterThan(24);
  });

  it("resample an upscaled source instead of drawing anew", async () => {
    const source = await drawPicture(aPicture());
    const spec = aPicture({ look: "resample", width: 512, height: 384, image: { bytes: source, keep: 1 } });
    const upscaled = await drawPicture(spec);
    const back = aPicture({ look: "resample", width: 256, height: 192, image: { bytes: upscaled, keep: 1 } });
    expect(await difference(await drawPicture(back), source)).toBeLessThan(4);
  });
});

describe("quoted strings in a prompt", () => {
  it.each<[string, readonly string[]]>([
    ["a poster, headline 'GLOW'", ["GLOW"]],
    ['a shop sign "Open Late" in rain', ["Open Late"]],
    ["ein Schild „x“ mit “Neu hier”", ["x", "Neu hier"]],
    ["the dog's bone and the cat's toy", []],
    ["plain", []],
  ])("are found in: %s", (prompt, found) => {
    expect(quotedIn(prompt)).toEqual(found);
  });
});

/** Share of nearly white pixels in a band of rows. */
function brightShare(pixels: ImageData, fromY: number, toY: number): number {
  let bright = 0;
  for (let at = fromY * pixels.width * 4; at < toY * pixels.width * 4; at += 4) {
    if (Math.min(pixels.data[at] ?? 0, pixels.data[at + 1] ?? 0, pixels.data[at + 2] ?? 0) > 200) bright += 1;
  }
  return bright / ((toY - fromY) * pixels.width);
}

async function halfMask(width: number, height: number): Promise<Uint8Array> {
  const { createCanvas } = await import("@napi-rs/canvas");
  const canvas = createCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#000";
  context.fillRect(0, 0, width / 2, height);
  context.fillStyle = "#fff";
  context.fillRect(width / 2, 0, width / 2, height);
  return canvas.encode("png");
}
