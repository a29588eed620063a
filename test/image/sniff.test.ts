import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PictureFormat } from "../../routing/image/request.ts";
import { MAX_SIDE_PX, recogniseOther, sniffPicture } from "../../routing/image/sniff.ts";
import { canvas, encode, interlacedPng, palettePng, picture, progressiveJpeg, scene } from "./drawings.ts";

const FORMATS: readonly PictureFormat[] = ["png", "jpeg", "webp"];
const SIZES = [
  { width: 1, height: 1 },
  { width: 16, height: 9 },
  { width: 300, height: 17 },
  { width: 1024, height: 768 },
];

const ascii = (text: string) => new TextEncoder().encode(text);

describe("sniffing", () => {
  for (const format of FORMATS) {
    it(`reads format and size of ${format} from real encodes`, () => {
      for (const size of SIZES) expect(sniffPicture(picture(format, size))).toEqual({ format, ...size });
    });

    it(`says need-more for every cut of a ${format} header, never something wrong`, () => {
      const bytes = picture(format, { width: 300, height: 200 });
      let settledAt = -1;
      for (let length = 0; length <= Math.min(bytes.length, 1000); length++) {
        const sniffed = sniffPicture(bytes.subarray(0, length));
        if (sniffed === "need-more") expect(settledAt).toBe(-1);
        else if (settledAt === -1) settledAt = length;
        if (settledAt !== -1) expect(sniffed).toEqual({ format, width: 300, height: 200 });
      }
      expect(settledAt).toBeGreaterThan(20);
    });
  }

  it("reads lossless and lossy WebP alike", () => {
    const made = canvas({ width: 123, height: 45 }, scene);
    expect(sniffPicture(encode(made, "webp", 30))).toEqual({ format: "webp", width: 123, height: 45 });
    expect(sniffPicture(encode(made, "webp", 100))).toEqual({ format: "webp", width: 123, height: 45 });
  });

  it("reads bare VP8 and VP8L files without the extended header", () => {
    const vp8 = ascii("RIFF....WEBPVP8 ........\x9d..........");
    vp8.set([22, 0, 0, 0], 4);
    vp8.set([0x30, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00], 20);
    expect(sniffPicture(vp8)).toEqual({ format: "webp", width: 320, height: 240 });
    const vp8l = ascii("RIFF....WEBPVP8L..................");
    vp8l.set([22, 0, 0, 0], 4);
    vp8l.set([0x2f, 0x3f, 0xc1, 0x3b, 0x00], 20);
    expect(sniffPicture(vp8l)).toEqual({ format: "webp", width: 320, height: 240 });
  });

  it("reads progressive JPEG, interlaced PNG and palette PNG", () => {
    expect(sniffPicture(progressiveJpeg)).toEqual({ format: "jpeg", width: 64, height: 64 });
    expect(sniffPicture(interlacedPng)).toEqual({ format: "png", width: 64, height: 64 });
    expect(sniffPicture(palettePng)).toEqual({ format: "png", width: 64, height: 64 });
  });

  it("skips metadata segments before a JPEG frame header, however the markers are padded", () => {
    const jpeg = picture("jpeg", { width: 20, height: 30 });
    const exif = new Uint8Array(4 + 60_000).fill(0x11);
    exif.set([0xff, 0xe1, 60_002 >> 8, 60_002 & 0xff]);
    const padded = Uint8Array.of(...jpeg.subarray(0, 2), ...exif, 0xff, 0xff, ...jpeg.subarray(2));
    expect(sniffPicture(padded)).toEqual({ format: "jpeg", width: 20, height: 30 });
    expect(sniffPicture(padded.subarray(0, 50_000))).toBe("need-more");
  });

  it("takes no arithmetic-coded or lossless JPEG, which browsers do not show", () => {
    const jpeg = picture("jpeg", { width: 20, height: 30 });
    const frameAt = jpeg.findIndex((byte, at) => byte === 0xff && jpeg[at + 1] === 0xc0);
    jpeg[frameAt + 1] = 0xc9;
    expect(sniffPicture(jpeg)).toBeUndefined();
    jpeg[frameAt + 1] = 0xc3;
    expect(sniffPicture(jpeg)).toBeUndefined();
  });

  it("takes no size out of bounds", () => {
    const png = picture("png", { width: 10, height: 10 });
    const width = new DataView(png.buffer, 16, 4);
    width.setUint32(0, MAX_SIDE_PX);
    expect(sniffPicture(png)).toMatchObject({ width: MAX_SIDE_PX });
    width.setUint32(0, MAX_SIDE_PX + 1);
    expect(sniffPicture(png)).toBeUndefined();
    width.setUint32(0, 0);
    expect(sniffPicture(png)).toBeUndefined();
  });

  it("takes no PNG header that contradicts itself", () => {
    for (const [at, value] of [
      [11, 14],
      [12, 0x58],
      [24, 3],
      [25, 5],
      [26, 1],
      [28, 2],
    ] as const) {
      const png = picture("png", { width: 10, height: 10 });
      png[at] = value;
      expect(sniffPicture(png), `byte ${at}`).toBeUndefined();
    }
  });

  it("never throws and never invents, whatever the bytes", () => {
    const starts = [ascii(""), picture("png", { width: 8, height: 8 }), progressiveJpeg, ascii("RIFF....WEBPVP8 ")];
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.nat(64), fc.uint8Array({ maxLength: 200 }), (start, kept, noise) => {
        const sniffed = sniffPicture(Uint8Array.of(...start.subarray(0, kept), ...noise));
        if (sniffed === undefined || sniffed === "need-more") return;
        expect(sniffed.width).toBeGreaterThan(0);
        expect(sniffed.height).toBeLessThanOrEqual(MAX_SIDE_PX);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});

describe("recognising other content", () => {
  it.each([
    ["gif", "GIF89a\x01\x00"],
    ["html", "\n  <!DOCTYPE html><html>"],
    ["html", "<HTML><body>502"],
    ["json", '  {"error": 1}'],
    ["json", "[1]"],
    ["svg", '<svg xmlns="http://www.w3.org/2000/svg">'],
    ["svg", '<?xml version="1.0"?><svg>'],
    [undefined, "plain words"],
    [undefined, ""],
  ] as const)("names %s", (kind, text) => {
    expect(recogniseOther(ascii(text))).toBe(kind);
    expect(sniffPicture(ascii(text))).toBe(text === "" ? "need-more" : undefined);
  });
});
