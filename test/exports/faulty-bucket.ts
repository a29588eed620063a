/** A bucket in memory that misbehaves as it is told: what the picture store asks of R2, and no more. */

import type { createPictureStore } from "../../functions/exports/store-picture.ts";

type Bucket = Parameters<typeof createPictureStore>[0];

/** What befalls the next calls of a kind, in turn; `undefined`: nothing. */
export type BucketFault = "fails" | "loses-its-answer" | "breaks-off" | "sees-nothing" | undefined;
export type BucketCall = "get" | "head" | "put" | "create" | "part" | "complete";

export interface FaultyBucket {
  readonly bucket: Bucket;
  /** Key → bytes. */
  readonly objects: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly calls: readonly BucketCall[];
  /** Befall the next calls of this kind, one each. */
  strike(call: BucketCall, ...faults: readonly BucketFault[]): void;
  /** Every later call of this kind. */
  strikeAlways(call: BucketCall, fault: BucketFault): void;
}

/** An empty one. */
export function createFaultyBucket(): FaultyBucket {
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  const uploads = new Map<string, Map<number, Uint8Array<ArrayBuffer>>>();
  const calls: BucketCall[] = [];
  const queued = new Map<BucketCall, BucketFault[]>();
  const always = new Map<BucketCall, BucketFault>();

  async function call<Value>(kind: BucketCall, work: (fault: BucketFault) => Value | Promise<Value>): Promise<Value> {
    calls.push(kind);
    const fault = queued.get(kind)?.shift() ?? always.get(kind);
    if (fault === "fails") throw new Error("planted: failed");
    const value = await work(fault);
    if (fault === "loses-its-answer") throw new Error("planted: answer lost");
    return value;
  }

  const factsOf = (key: string) => {
    const bytes = objects.get(key);
    return bytes === undefined ? null : { key, size: bytes.length };
  };

  const bucket = {
    get: (key: string) =>
      call("get", (fault) => {
        const bytes = objects.get(key);
        if (bytes === undefined || fault === "sees-nothing") return null;
        return { ...factsOf(key), body: streamOf(bytes, fault === "breaks-off") };
      }),
    head: (key: string) => call("head", (fault) => (fault === "sees-nothing" ? null : factsOf(key))),
    put: (key: string, value: Uint8Array<ArrayBuffer> | ReadableStream) =>
      call("put", async () => {
        objects.set(key, new Uint8Array(await new Response(value).arrayBuffer()));
        return factsOf(key);
      }),
    delete: async (keys: string | string[]) => {
      for (const key of [keys].flat()) objects.delete(key);
    },
    createMultipartUpload: (key: string) =>
      call("create", () => {
        const parts = new Map<number, Uint8Array<ArrayBuffer>>();
        uploads.set(key, parts);
        return {
          uploadPart: (partNumber: number, bytes: Uint8Array) =>
            call("part", () => {
              parts.set(partNumber, new Uint8Array(bytes));
              return { partNumber, etag: String(partNumber) };
            }),
          complete: (listed: readonly { partNumber: number }[]) =>
            call("complete", async () => {
              if (!uploads.delete(key)) throw new Error("no such upload");
              const whole = new Blob(listed.map(({ partNumber }) => parts.get(partNumber) ?? new Uint8Array(0)));
              objects.set(key, new Uint8Array(await whole.arrayBuffer()));
              return factsOf(key);
            }),
          abort: async () => {
            uploads.delete(key);
          },
        };
      }),
  };
  return {
    bucket: bucket as unknown as Bucket,
    objects,
    calls,
    strike: (kind, ...faults) => void queued.set(kind, [...faults]),
    strikeAlways: (kind, fault) => void always.set(kind, fault),
  };
}

function streamOf(bytes: Uint8Array<ArrayBuffer>, breaksOff: boolean): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(breaksOff ? bytes.slice(0, bytes.length >> 1) : bytes.slice());
      if (breaksOff) controller.error(new Error("planted: broke off"));
      else controller.close();
    },
  });
}
