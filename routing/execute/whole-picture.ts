/**
 * A picture that is all here. Its stream is made only for those who ask for one.
 */
import type { Picture } from "./executed.ts";

/** Wraps checked bytes. */
export function wholePicture(
  facts: Pick<Picture, "format" | "width" | "height">,
  bytes: Uint8Array<ArrayBuffer>,
): Picture {
  let stream: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  return {
    format: facts.format,
    width: facts.width,
    height: facts.height,
    bytes,
    lengthBytes: bytes.length,
    get body() {
      stream ??= new ReadableStream({
        start(controller) {
          controller.enqueue(bytes);
          controller.close();
        },
      });
      return stream;
    },
  };
}
