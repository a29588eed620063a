/** Looks at encoded pictures: what they are, how big, and how dark. */
import { createCanvas, loadImage } from "@napi-rs/canvas";

export function formatOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  if (text.startsWith("\x89PNG")) return "png";
  if (text.startsWith("\xff\xd8\xff")) return "jpeg";
  return text.startsWith("RIFF") && text.endsWith("WEBP") ? "webp" : "none";
}

/** Width and height, px. */
export async function sizeOf(bytes: Uint8Array): Promise<{ readonly width: number; readonly height: number }> {
  const { width, height } = await loadImage(bytes);
  return { width, height };
}

export async function pixelsOf(
  bytes: Uint8Array,
): Promise<ImageData & { readonly mean: number; readonly spread: number }> {
  const image = await loadImage(bytes);
  const canvas = createCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height);
  let sum = 0;
  let squares = 0;
  for (let at = 0; at < pixels.data.length; at += 4) {
    const grey = ((pixels.data[at] ?? 0) + (pixels.data[at + 1] ?? 0) + (pixels.data[at + 2] ?? 0)) / 3;
    sum += grey;
    squares += grey * grey;
  }
  const count = pixels.data.length / 4;
  const mean = sum / count;
  return Object.assign(pixels as unknown as ImageData, { mean, spread: Math.sqrt(squares / count - mean * mean) });
}

/** Mean difference of two pictures of one size, 0…255 per channel. */
export async function difference(one: Uint8Array, other: Uint8Array): Promise<number> {
  const [left, right] = [await pixelsOf(one), await pixelsOf(other)];
  let sum = 0;
  for (let at = 0; at < left.data.length; at += 1) sum += Math.abs((left.data[at] ?? 0) - (right.data[at] ?? 0));
  return sum / left.data.length;
}
