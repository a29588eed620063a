/** Scripted streams: what a response body does, chunk by chunk, as a plain or as a byte stream. */

export type Bytes = Uint8Array<ArrayBuffer>;

export interface Scripted {
  readonly stream: ReadableStream<Bytes>;
  /** Chunks asked for so far. */
  pulls(): number;
  /** The reason it was cancelled with; `undefined` while it was not. */
  cancelled(): unknown;
}

export interface Script {
  readonly chunks: readonly Uint8Array[];
  /** Ends with this error in place of a close. */
  readonly error?: unknown;
  /** A byte stream, which can fill its reader's buffers. */
  readonly byob?: boolean;
}

/** Chunks are copied out, so that a reader may do with them as it likes. */
export function scripted({ chunks, error, byob = false }: Script): Scripted {
  let next = 0;
  let reason: unknown;
  const end = (controller: { close(): void; error(reason: unknown): void }) => {
    if (error === undefined) controller.close();
    else controller.error(error);
  };
  const cancel = (given: unknown) => {
    reason = given ?? "no reason";
  };
  const plain: UnderlyingDefaultSource<Bytes> = {
    pull(controller) {
      const chunk = chunks[next++];
      if (chunk === undefined) end(controller);
      else controller.enqueue(new Uint8Array(chunk));
    },
    cancel,
  };
  const bytes: UnderlyingByteSource = {
    type: "bytes",
    pull(controller) {
      // Byte streams take no empty chunks.
      while (chunks[next]?.length === 0) next++;
      const chunk = chunks[next++];
      if (chunk !== undefined) return controller.enqueue(new Uint8Array(chunk));
      end(controller);
      if (error === undefined) controller.byobRequest?.respond(0);
    },
    cancel,
  };
  const stream = byob ? new ReadableStream(bytes) : new ReadableStream<Bytes>(plain, { highWaterMark: 0 });
  return { stream: stream as ReadableStream<Bytes>, pulls: () => next, cancelled: () => reason };
}

/** `bytes` in chunks of `size`. */
export function sliced(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

/** All of a stream at once; rejects as the stream does. */
export async function collect(stream: ReadableStream<Bytes>): Promise<Bytes> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Bytes that differ everywhere, the same each time. */
export function noise(length: number, seed = 1): Bytes {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function joined(chunks: readonly Uint8Array[]): Bytes {
  return new Uint8Array(Buffer.concat(chunks));
}

/** Byte for byte, and fast where `toEqual` would take seconds. */
export function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** A stream of its own pieces of at most `size` bytes, one a pull. */
export function streamOf(bytes: Bytes, size = 1_000): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}
