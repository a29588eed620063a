/**
 * Reads a picture that streams whole, because other requests wait for it and a stream cannot cross from one to another.
 *
 * Bounded over the isolate: what does not fit goes on as a stream to its own client, and the others draw for themselves.
 */
import { joinBytes, type Picture } from "../../../routing/index.ts";

/** Most bytes read whole at the same time in one isolate, of its 128 MB. */
const MAX_BYTES = 32 * 1024 * 1024;

let takenBytes = 0;

/** All of it, or the picture as it is to be sent on. */
export type Read = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly bytes?: never; readonly picture: Picture };

/** Reads it. Rejects when it breaks off. */
export async function readForOthers(picture: Picture): Promise<Read> {
  const { lengthBytes } = picture;
  if (lengthBytes !== undefined && takenBytes + lengthBytes > MAX_BYTES) return { picture };
  const reader = picture.body.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { bytes: joinBytes(chunks) };
      chunks.push(value);
      length += value.byteLength;
      takenBytes += value.byteLength;
      if (takenBytes > MAX_BYTES) return { picture: { ...picture, body: goOn(chunks, reader) } };
    }
  } finally {
    takenBytes -= length;
  }
}

/** What was read, then what still comes. */
function goOn(
  chunks: Uint8Array<ArrayBuffer>[],
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
): Picture["body"] {
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const first = chunks.shift();
      if (first !== undefined) return controller.enqueue(first);
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
