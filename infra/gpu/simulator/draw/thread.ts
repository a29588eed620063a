/** Runs in a worker thread: draws what it is sent, several at a time (encoding waits on the thread pool). */
import { parentPort } from "node:worker_threads";
import { drawPicture } from "./draw.ts";
import type { PictureSpec } from "./picture.ts";

/** One picture to draw; answered by a `Drawn` with the same id. */
export interface DrawOrder {
  readonly id: number;
  readonly spec: PictureSpec;
}

/** `bytes` is absent when the reference picture could not be read. */
export interface Drawn {
  readonly id: number;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly problem?: string;
}

parentPort?.on("message", async ({ id, spec }: DrawOrder) => {
  try {
    const bytes = Uint8Array.from(await drawPicture(spec));
    parentPort?.postMessage({ id, bytes } satisfies Drawn, [bytes.buffer]);
  } catch (error: unknown) {
    parentPort?.postMessage({ id, problem: String(error) } satisfies Drawn);
  }
});
