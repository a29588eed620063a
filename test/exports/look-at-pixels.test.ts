/** What a codec says of a JPEG or WebP, and what is made of its silence. */
import { describe, expect, it } from "vitest";
import { CodecFailed, type PictureCodec } from "../../functions/exports/codec.ts";
import { lookAtPixels } from "../../functions/exports/look-at-pixels.ts";
import { canvas, flat, scene } from "../image/drawings.ts";
import { streamOf } from "../image/streams.ts";

const thumbnail = (draw: Parameters<typeof canvas>[1]) =>
  new Uint8Array(canvas({ width: 64, height: 64 }, draw).toBuffer("image/png"));

/** A codec that answers in turn. */
function codecOf(...answers: readonly (Uint8Array<ArrayBuffer> | Error)[]): PictureCodec & { calls: number } {
  const codec = {
    calls: 0,
    cover: () => Promise.reject(new Error("not asked")),
    async thumbnail() {
      const answer = answers[Math.min(codec.calls++, answers.length - 1)];
      if (answer === undefined || answer instanceof Error) throw answer;
      return answer;
    },
  };
  return codec;
}

const read = async () => streamOf(Uint8Array.of(1, 2, 3));
const DAMAGED = new CodecFailed(true, "no");

describe("the pixels of a JPEG or WebP", () => {
  it("are good where the codec makes a picture of them", async () => {
    expect(await lookAtPixels(read, codecOf(thumbnail(scene)))).toBeUndefined();
  });

  it("are blank where they come to one colour", async () => {
    expect(await lookAtPixels(read, codecOf(thumbnail(flat("#123456"))))).toBe("blank");
  });

  it("do not decode where the codec says so twice", async () => {
    const codec = codecOf(DAMAGED);
    expect([await lookAtPixels(read, codec), codec.calls]).toEqual(["undecodable", 2]);
    expect(await lookAtPixels(read, codecOf(DAMAGED, thumbnail(scene)))).toBeUndefined();
  });

  it("pass where there is no codec, and where it is in trouble itself", async () => {
    expect(await lookAtPixels(read, undefined)).toBeUndefined();
    expect(await lookAtPixels(read, codecOf(new CodecFailed(false, "down")))).toBeUndefined();
  });

  it("do not hide a store that cannot be read", async () => {
    await expect(lookAtPixels(() => Promise.reject(new Error("store")), codecOf(DAMAGED))).rejects.toThrow("store");
  });
});
