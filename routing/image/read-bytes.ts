/**
 * A stream's bytes piece by piece, where it can be done through one buffer that goes round: memory does not grow with the stream then, not
 * even until the next garbage collection.
 */

/** Size of the buffer that goes round, bytes. */
const BUFFER_BYTES = 256 * 1024;

/** The pieces. Each is good only until the next is asked for. A reader that stops early cancels the stream. */
export async function* readBytes(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  const reader = byteReader(body);
  if (reader === undefined) {
    yield* body;
    return;
  }
  try {
    let buffer = new ArrayBuffer(BUFFER_BYTES);
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done || value === undefined) return;
      yield value;
      buffer = value.buffer;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The first pieces, joined and copied: at least `leastBytes`, or all there are. The generator goes on behind them. */
export async function readHead(
  pieces: AsyncGenerator<Uint8Array<ArrayBuffer>>,
  leastBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  let head = new Uint8Array(0);
  while (head.length < leastBytes) {
    const { done, value } = await pieces.next();
    if (done) break;
    head = joinBytes([head, value]);
  }
  return head;
}

/** `undefined` for a stream that hands out buffers of its own. */
function byteReader(body: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}

/** All in one, copied. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
