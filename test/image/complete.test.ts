import { describe, expect, it } from "vitest";
import { endsWell, isComplete, TAIL_BYTES } from "../../routing/image/complete.ts";
import type { PictureFormat } from "../../routing/image/request.ts";
import { interlacedPng, palettePng, picture, progressiveJpeg } from "./drawings.ts";

const FORMATS: readonly PictureFormat[] = ["png", "jpeg", "webp"];
const size = { width: 90, height: 60 };

/** The last byte of a WebP may be padding, without which the picture is still whole to a decoder; RIFF counts it all the same. */
describe("completeness", () => {
  for (const format of FORMATS) {
    it(`finds a whole ${format} complete and every shorter one cut`, () => {
      const bytes = picture(format, size);
      expect(isComplete(bytes, format)).toBe(true);
      for (let length = 0; length < bytes.length; length++) {
        expect(isComplete(bytes.subarray(0, length), format), `cut at ${length}`).toBe(false);
      }
    });

    it(`lets bytes behind a ${format}'s end pass`, () => {
      expect(isComplete(Uint8Array.of(...picture(format, size), 0, 0, 10), format)).toBe(true);
    });

    it(`sees the end of a ${format} in its last bytes`, () => {
      const bytes = picture(format, size);
      const end = (length: number) =>
        endsWell({
          format,
          head: bytes,
          tail: bytes.subarray(Math.max(0, length - TAIL_BYTES), length),
          lengthBytes: length,
        });
      expect(end(bytes.length)).toBe(true);
      expect(end(bytes.length - TAIL_BYTES - 4)).toBe(false);
      expect(end(bytes.length >> 1)).toBe(false);
    });
  }

  it("walks every scan of a progressive JPEG", () => {
    expect(isComplete(progressiveJpeg, "jpeg")).toBe(true);
    expect(isComplete(Uint8Array.of(...progressiveJpeg, 0), "jpeg")).toBe(true);
    for (let length = 0; length < progressiveJpeg.length; length++) {
      expect(isComplete(progressiveJpeg.subarray(0, length), "jpeg"), `cut at ${length}`).toBe(false);
    }
  });

  it("walks interlaced and palette PNGs", () => {
    expect(isComplete(interlacedPng, "png")).toBe(true);
    expect(isComplete(palettePng, "png")).toBe(true);
  });

  it("does not take the end of an embedded thumbnail for the picture's", () => {
    const thumbnail = picture("jpeg", { width: 8, height: 8 });
    const length = thumbnail.length + 2;
    const jpeg = picture("jpeg", size);
    const exif = [0xff, 0xe1, length >> 8, length & 0xff, ...thumbnail];
    const whole = Uint8Array.of(...jpeg.subarray(0, 2), ...exif, ...jpeg.subarray(2));
    expect(isComplete(whole, "jpeg")).toBe(true);
    expect(isComplete(whole.subarray(0, 2 + exif.length), "jpeg")).toBe(false);
  });

  it("takes a PNG without pixels for cut", () => {
    const png = picture("png", size);
    const end = png.slice(-12);
    expect(isComplete(Uint8Array.of(...png.subarray(0, 33), ...end), "png")).toBe(false);
  });
});
