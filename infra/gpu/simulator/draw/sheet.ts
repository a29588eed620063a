/** Several reference pictures on one sheet, side by side, so that each of them shows through what is drawn after them. */
import { createCanvas, loadImage } from "@napi-rs/canvas";

/** A PNG of the first one's size with all of them in columns; the one picture itself where there is one. Throws on what is no picture. */
export async function toSheet(
  pictures: readonly Uint8Array<ArrayBuffer>[],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const [first, ...others] = pictures;
  if (first === undefined || others.length === 0) return first;
  const loaded = await Promise.all(pictures.map((bytes) => loadImage(bytes)));
  const [{ width, height } = { width: 1, height: 1 }] = loaded;
  const canvas = createCanvas(width, height);
  const pen = canvas.getContext("2d");
  const column = width / loaded.length;
  for (const [at, picture] of loaded.entries()) pen.drawImage(picture, at * column, 0, column, height);
  return Uint8Array.from(await canvas.encode("png"));
}
