/** Reads the size of an encoded picture. */
import { loadImage } from "@napi-rs/canvas";

/** Width and height, px; `undefined` when the bytes are no picture that canvas reads. */
export async function sizeOf(
  bytes: Uint8Array,
): Promise<{ readonly width: number; readonly height: number } | undefined> {
  try {
    const { width, height } = await loadImage(bytes);
    return width > 0 && height > 0 ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}
