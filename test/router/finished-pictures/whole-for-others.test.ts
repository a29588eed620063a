import { describe, expect, it } from "vitest";
import { readForOthers } from "../../../functions/router/finished-pictures/whole-for-others.ts";
import type { Picture } from "../../../routing/index.ts";

const MEBIBYTE = 1024 * 1024;

/** A picture of so many pieces of 4 MiB, each filled with its number. */
function streaming(pieces: number, parts: Partial<Picture> & { breaks?: boolean } = {}): Picture {
  let at = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      at += 1;
      if (at <= pieces) controller.enqueue(new Uint8Array(4 * MEBIBYTE).fill(at));
      else if (parts.breaks) controller.error(new Error("lost"));
      else controller.close();
    },
  });
  return { format: "png", width: 1, height: 1, body, ...parts };
}

const sumOf = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum + byte, 0);

describe("a picture that others wait for", () => {
  it("is read whole", async () => {
    const { bytes } = await readForOthers(streaming(3));
    expect(bytes?.length).toBe(12 * MEBIBYTE);
    expect([bytes?.[0], bytes?.at(-1)]).toEqual([1, 3]);
  });

  it("is left as it is where it says that it is too large", async () => {
    const picture = streaming(1, { lengthBytes: 33 * MEBIBYTE });
    expect(await readForOthers(picture)).toEqual({ picture });
  });

  it("goes on as a stream, whole, where it turns out too large", async () => {
    const read = await readForOthers(streaming(10));
    if (read.bytes !== undefined) throw new Error("it was read whole");
    const whole = new Uint8Array(await new Response(read.picture.body).arrayBuffer());
    expect(whole.length).toBe(40 * MEBIBYTE);
    expect(sumOf(whole)).toBe((4 * MEBIBYTE * 10 * 11) / 2);
  });

  it("shares the bound with others that are read at the same time, and gives its part back", async () => {
    const slow = Promise.withResolvers<void>();
    const held = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async start(controller) {
        controller.enqueue(new Uint8Array(28 * MEBIBYTE));
        await slow.promise;
        controller.close();
      },
    });
    const first = readForOthers({ format: "png", width: 1, height: 1, body: held });
    await new Promise((resolve) => setImmediate(resolve));
    expect((await readForOthers(streaming(2, { lengthBytes: 8 * MEBIBYTE }))).bytes).toBeUndefined();
    slow.resolve();
    await first;
    expect((await readForOthers(streaming(2, { lengthBytes: 8 * MEBIBYTE }))).bytes).toBeDefined();
  });

  it("rejects when it breaks off, and gives its part back", async () => {
    for (let times = 0; times < 3; times += 1)
      await expect(readForOthers(streaming(7, { breaks: true }))).rejects.toThrow("lost");
    expect((await readForOthers(streaming(7))).bytes).toBeDefined();
  });
});
