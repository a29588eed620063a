/** What Cloudflare Images is asked for, and what its words mean. */
import { describe, expect, it } from "vitest";
import { CodecFailed, codecOf } from "../../functions/exports/codec.ts";
import type { Env } from "../../functions/router/environment.ts";
import { streamOf } from "../image/streams.ts";

const BYTES = Uint8Array.of(1, 2, 3);

/** A binding that notes what it is asked, and answers with the bytes or throws. */
function binding(failure?: Error & { code?: number }) {
  const asked: unknown[] = [];
  const CODEC = {
    input: () => ({
      transform: (transform: unknown) => ({
        async output(output: unknown) {
          asked.push(transform, output);
          if (failure !== undefined) throw failure;
          return { image: () => streamOf(BYTES) };
        },
      }),
    }),
  };
  return { codec: codecOf({ CODEC } as unknown as Env), asked };
}

const size = { width: 30, height: 20 };

describe("the codec", () => {
  it("is not there where nothing is bound", () => {
    expect(codecOf({} as Env)).toBeUndefined();
  });

  it.each([
    ["png", { format: "image/png" }],
    ["webp", { format: "image/webp", quality: 95 }],
    ["jpeg", { format: "image/jpeg", quality: 95 }],
  ] as const)("covers the size in %s, and names no quality where that would mean a palette", async (format, output) => {
    const { codec, asked } = binding();
    await codec?.cover(streamOf(BYTES), { ...size, format });
    expect(asked).toEqual([{ ...size, fit: "cover" }, output]);
  });

  it.each([
    [9412, true],
    [9523, true],
    [9422, false],
    [undefined, false],
  ])("says of code %s that the picture is damaged: %s", async (code, damaged) => {
    const { codec } = binding(Object.assign(new Error("no"), code === undefined ? {} : { code }));
    const failing = codec?.cover(streamOf(BYTES), { ...size, format: "png" });
    await expect(failing).rejects.toMatchObject({ damaged });
    await expect(failing).rejects.toBeInstanceOf(CodecFailed);
  });
});
