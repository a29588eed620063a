/**
 * Fine grain over a picture: real pictures are not smooth, and without it their files would be ten times too small.
 */
import { type Canvas, createCanvas, type SKRSContext2D } from "@napi-rs/canvas";
import { type Chance, chanceFrom } from "../chance.ts";

const TILE = 512;
let tile: Canvas | undefined;

/** One tile of grey noise, made once a process; pictures lay it at their own offset. It repeats beyond what compressors look back. */
function grainTile(): Canvas {
  if (tile) return tile;
  const canvas = createCanvas(TILE, TILE);
  const context = canvas.getContext("2d");
  const image = context.createImageData(TILE, TILE);
  const chance = chanceFrom("grain");
  for (let at = 0; at < image.data.length; at += 4) {
    image.data[at] = image.data[at + 1] = image.data[at + 2] = Math.floor(chance() * 256);
    image.data[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  tile = canvas;
  return canvas;
}

/** Lays grain over the whole picture. `strength` 0…1; 0.15 is a fine film. */
export function drawGrain(
  context: SKRSContext2D,
  size: { readonly width: number; readonly height: number },
  strength: number,
  chance: Chance,
): void {
  const pattern = context.createPattern(grainTile(), "repeat");
  if (!pattern) return;
  const dx = Math.floor(chance() * TILE);
  const dy = Math.floor(chance() * TILE);
  context.save();
  context.globalCompositeOperation = "soft-light";
  context.globalAlpha = strength;
  context.fillStyle = pattern;
  context.translate(-dx, -dy);
  context.fillRect(dx, dy, size.width, size.height);
  context.restore();
}
