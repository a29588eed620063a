import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { copyWhileSending } from "../../../functions/router/finished-pictures/copy-while-sending.ts";
import type { Upload } from "../../../functions/router/finished-pictures/upload.ts";
import { createFakeClock, type FakeClock, settle } from "../../support/fake-clock.ts";

const MEBIBYTE = 1024 * 1024;

let clock: FakeClock;
beforeEach(() => {
  clock = createFakeClock();
  // Node has no such stream; this one passes bytes on as workerd's does.
  vi.stubGlobal("IdentityTransformStream", TransformStream);
});
afterEach(() => vi.unstubAllGlobals());

interface Parts {
  /** Pieces of the picture, each 1 MiB. */
  readonly pieces?: number;
  readonly breaks?: boolean;
  readonly isGood?: boolean;
  readonly maxBytes?: number;
  /** Does a client read it? */
  readonly isRead?: boolean;
  /** What a write does. */
  write?(): Promise<void>;
  open?(): Promise<void>;
}

function copying({
  pieces = 3,
  breaks,
  isGood = true,
  maxBytes = 64 * MEBIBYTE,
  isRead = true,
  write,
  open,
}: Parts = {}) {
  const seen = { uploaded: 0, committed: false, aborted: 0, cancelled: false };
  let left = pieces;
  const body = new ReadableStream({
    type: "bytes",
    pull(controller) {
      left -= 1;
      if (left >= 0) controller.enqueue(new Uint8Array(MEBIBYTE));
      else if (breaks) controller.error(new Error("lost"));
      else {
        controller.close();
        controller.byobRequest?.respond(0);
      }
    },
    cancel() {
      seen.cancelled = true;
    },
  }) as ReadableStream<Uint8Array<ArrayBuffer>>;
  const upload: Upload = {
    async write(bytes) {
      await write?.();
      seen.uploaded += bytes.byteLength;
    },
    async commit() {
      seen.committed = true;
    },
    async abort() {
      seen.aborted += 1;
    },
  };
  const { body: sent, kept } = copyWhileSending({
    picture: { format: "png", width: 1, height: 1, body },
    isGood: async () => isGood,
    open: async () => {
      await open?.();
      return upload;
    },
    clock,
    maxBytes,
  });
  const client = isRead ? new Response(sent).arrayBuffer().then((bytes) => bytes.byteLength) : Promise.resolve(0);
  return { seen, kept, client, sent };
}

const never = () => new Promise<void>(() => undefined);

describe("a picture that is copied while it is sent", () => {
  it("reaches both whole, and is committed once", async () => {
    const { seen, kept, client } = copying();
    expect(await client).toBe(3 * MEBIBYTE);
    expect(await kept).toBe(true);
    expect(seen).toEqual({ uploaded: 3 * MEBIBYTE, committed: true, aborted: 0, cancelled: false });
  });

  it("does not keep its client waiting for an upload that is a little behind", async () => {
    const gate = Promise.withResolvers<void>();
    const { seen, kept, client } = copying({ pieces: 4, write: () => gate.promise });
    expect(await client).toBe(4 * MEBIBYTE);
    expect(seen.uploaded).toBe(0);
    gate.resolve();
    expect(await kept).toBe(true);
    expect(seen.uploaded).toBe(4 * MEBIBYTE);
  });

  it("waits for an upload that is far behind, and gives it up when that takes long", async () => {
    const { seen, kept, client } = copying({ pieces: 8, write: never });
    let isSent = false;
    void client.then(() => {
      isSent = true;
    });
    for (let turns = 0; turns < 50; turns += 1) await settle();
    expect(isSent).toBe(false);
    await clock.advance(1_999);
    expect(seen.aborted).toBe(0);
    expect(await clock.runUntil(client)).toBe(8 * MEBIBYTE);
    expect(seen.aborted).toBe(1);
    expect(await kept).toBe(false);
    expect(seen.committed).toBe(false);
  });

  it.each<[string, Parts]>([
    ["an upload that fails", { write: () => Promise.reject(new Error("full")) }],
    ["an upload that cannot begin", { open: () => Promise.reject(new Error("no bucket")) }],
    ["a picture that was taken back at its end", { isGood: false }],
    ["a picture that turns out too large", { maxBytes: 2 * MEBIBYTE }],
  ])("reaches its client whole, and is not kept, with %s", async (_, parts) => {
    const { seen, kept, client } = copying(parts);
    expect(await client).toBe(3 * MEBIBYTE);
    expect(await kept).toBe(false);
    expect(seen.committed).toBe(false);
    if (parts.open === undefined) expect(seen.aborted).toBe(1);
  });

  it("breaks off for its client and is not kept when its upstream does", async () => {
    const { seen, kept, client } = copying({ breaks: true });
    await expect(client).rejects.toThrow();
    expect(await kept).toBe(false);
    expect(seen).toMatchObject({ committed: false, aborted: 1 });
  });

  it("is not kept when its client leaves, and its upstream is told", async () => {
    const { seen, kept, sent } = copying({ pieces: 8, isRead: false });
    await sent.cancel();
    expect(await kept).toBe(false);
    expect(seen).toMatchObject({ committed: false, aborted: 1, cancelled: true });
  });
});
