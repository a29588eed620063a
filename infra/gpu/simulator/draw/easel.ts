/**
 * Draws in worker threads, so that a large picture does not hold up the HTTP of all endpoints. State: a few threads a process,
 * started when first needed; they do not keep the process alive.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { PictureSpec } from "./picture.ts";
import type { Drawn, DrawOrder } from "./thread.ts";

/** One core is left to HTTP and queues. */
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));

interface Easel {
  readonly worker: Worker;
  readonly waiting: Map<
    number,
    { readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void; readonly reject: (error: Error) => void }
  >;
}

const easels: Easel[] = [];
let lastId = 0;

/** The encoded picture. Rejects when the reference picture or the mask cannot be read. */
export function drawElsewhere(spec: PictureSpec): Promise<Uint8Array<ArrayBuffer>> {
  const easel = leastBusy();
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    easel.waiting.set(id, { resolve, reject });
    easel.worker.ref();
    easel.worker.postMessage({ id, spec } satisfies DrawOrder);
  });
}

function leastBusy(): Easel {
  const [idlest] = [...easels].sort((one, other) => one.waiting.size - other.waiting.size);
  if (idlest && (idlest.waiting.size === 0 || easels.length >= THREADS)) return idlest;
  const easel = startEasel();
  easels.push(easel);
  return easel;
}

function startEasel(): Easel {
  const worker = new Worker(new URL("./thread.ts", import.meta.url));
  const easel: Easel = { worker, waiting: new Map() };
  worker.on("message", ({ id, bytes, problem }: Drawn) => {
    const caller = easel.waiting.get(id);
    easel.waiting.delete(id);
    if (easel.waiting.size === 0) worker.unref();
    if (bytes) caller?.resolve(bytes);
    else caller?.reject(new Error(problem));
  });
  worker.on("error", (error) => {
    easels.splice(easels.indexOf(easel), 1);
    for (const caller of easel.waiting.values())
      caller.reject(error instanceof Error ? error : new Error(String(error)));
  });
  return easel;
}
