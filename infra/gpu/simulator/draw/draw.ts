/**
 * Draws one picture and encodes it. Equal specs give equal bytes (on one machine); the encoder runs off the main thread.
 */
import { type Canvas, createCanvas, loadImage } from "@napi-rs/canvas";
import { chanceFrom } from "../chance.ts";
import { compose } from "./composition.ts";
import { drawGrain } from "./grain.ts";
import { drawLines, drawMark } from "./lettering.ts";
import { renderLook } from "./looks.ts";
import { type PictureSpec, quotedIn } from "./picture.ts";
import { encodePng } from "./png.ts";

/** Encoder quality for WebP and JPEG: with the grain this gives the 0.1–0.3 bytes a pixel of real pictures. */
const QUALITY = 88;
const GRAIN = { sketch: 0.16, smooth: 0.15, "smooth-fast": 0.14, detailed: 0.17, poster: 0.14, resample: 0 } as const;

/** The encoded picture. Rejects only when the reference picture or the mask cannot be read. */
export async function drawPicture(spec: PictureSpec): Promise<Buffer> {
  const { width, height } = spec.spoiled === "half-size" ? halved(spec) : spec;
  const canvas = createCanvas(width, height);
  if (spec.spoiled === "black") {
    const context = canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    return encode(canvas, spec);
  }
  if (spec.look === "resample") await drawResampled(canvas, spec);
  else await drawScene(canvas, spec, spec.look);
  return encode(spec.spoiled === "blurred" ? blurred(canvas) : canvas, spec);
}

function halved(spec: PictureSpec): { readonly width: number; readonly height: number } {
  return { width: Math.max(1, spec.width >> 1), height: Math.max(1, spec.height >> 1) };
}

async function drawScene(
  canvas: Canvas,
  spec: PictureSpec,
  look: Exclude<PictureSpec["look"], "resample">,
): Promise<void> {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const { image, mask, spoiled, ...plain } = spec;
  const chance = chanceFrom("pixels", JSON.stringify({ ...plain, format: "any" }));
  const scene = compose(spec.prompt, spec.seed);
  renderLook(look, { context, width, height, chance }, scene);
  if (image) await layReference(canvas, image, mask);
  drawGrain(context, { width, height }, GRAIN[look], chance);
  const lines = spec.text.length > 0 ? spec.text : quotedIn(spec.prompt);
  if (lines.length > 0) {
    const poster = look === "poster";
    const box = poster
      ? { x: width * 0.08, y: height * 0.3, width: width * 0.84, height: height * 0.4 }
      : { x: width * 0.08, y: height * 0.1, width: width * 0.84, height: height * 0.24 };
    drawLines(context, lines, box, { fill: scene.palette.paper, edge: scene.palette.ink, serif: look === "sketch" });
  }
  drawMark(context, width, height);
}

/**
 * Puts the reference into the new picture: all over at its strength, or, with a mask, wholly where the mask does not free it.
 * A mask frees what is transparent in it (OpenAI) or, when nothing is, what is white.
 */
async function layReference(
  canvas: Canvas,
  image: NonNullable<PictureSpec["image"]>,
  mask: Uint8Array | undefined,
): Promise<void> {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const reference = await loadImage(image.bytes);
  if (!mask) {
    context.globalAlpha = image.keep;
    context.drawImage(reference, 0, 0, width, height);
    context.globalAlpha = 1;
    return;
  }
  const kept = createCanvas(width, height);
  const keptContext = kept.getContext("2d");
  keptContext.drawImage(await loadImage(mask), 0, 0, width, height);
  const maskPixels = keptContext.getImageData(0, 0, width, height);
  keptContext.clearRect(0, 0, width, height);
  keptContext.drawImage(reference, 0, 0, width, height);
  const pixels = keptContext.getImageData(0, 0, width, height);
  const byAlpha = maskPixels.data.some((value, at) => at % 4 === 3 && value < 255);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const held = byAlpha ? (maskPixels.data[at + 3] ?? 0) : 255 - (maskPixels.data[at] ?? 0);
    pixels.data[at + 3] = Math.round(((pixels.data[at + 3] ?? 0) * held) / 255);
  }
  keptContext.putImageData(pixels, 0, 0);
  context.drawImage(kept, 0, 0);
}

/** Real resampling, and nothing on top: a mark would spoil a measurement of it, and drawn sources carry theirs already. */
async function drawResampled(canvas: Canvas, spec: PictureSpec): Promise<void> {
  if (!spec.image) throw new Error("an upscaler needs a picture");
  const context = canvas.getContext("2d");
  const source = await loadImage(spec.image.bytes);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
}

/** What a content filter leaves of a picture: its colours. */
function blurred(canvas: Canvas): Canvas {
  const small = createCanvas(8, 8);
  small.getContext("2d").drawImage(canvas, 0, 0, 8, 8);
  const result = createCanvas(canvas.width, canvas.height);
  const context = result.getContext("2d");
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  drawMark(context, canvas.width, canvas.height);
  return result;
}

function encode(canvas: Canvas, { format }: PictureSpec): Promise<Buffer> {
  if (format !== "png") return canvas.encode(format, QUALITY);
  const { width, height } = canvas;
  return encodePng({ width, height, data: canvas.getContext("2d").getImageData(0, 0, width, height).data });
}
