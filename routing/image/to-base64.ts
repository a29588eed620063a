/**
 * Bytes → base64 text as a stream, in few large pieces. A piece is cut at a multiple of three bytes, so that padding stands only at the end.
 */

/** Base64 of a stream, as ASCII bytes. Back-pressure, cancellation and errors pass through. */
export function toBase64Stream(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let carried = new Uint8Array(0);
  return bytes.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        const joined = carried.byteLength === 0 ? chunk : join(carried, chunk);
        const end = joined.byteLength - (joined.byteLength % 3);
        carried = joined.slice(end);
        if (end > 0) controller.enqueue(encoder.encode(joined.subarray(0, end).toBase64()));
      },
      flush(controller) {
        if (carried.byteLength > 0) controller.enqueue(encoder.encode(carried.toBase64()));
      },
    }),
  );
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.byteLength + second.byteLength);
  joined.set(first);
  joined.set(second, first.byteLength);
  return joined;
}
