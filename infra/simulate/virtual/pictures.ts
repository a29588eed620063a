/**
 * The pictures of the simulated GPUs: real WebP files, encoded once, so that the core's checks pass or fail on bytes and cost little.
 *
 * WebP because its blank check needs no inflater: whatever takes the platform's threads would not repeat.
 */
import { createCanvas } from "@napi-rs/canvas";
import type { Painter } from "../../gpu/simulator/draw/painter.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Paints the same few pictures always, at once. */
export interface StockPainter extends Painter {
  /** `whole`: as asked; `half`: whole, but of half the size; `undefined`: not one of ours, or broken. */
  recognise(bytes: Uint8Array): "whole" | "half" | undefined;
}

/** A painter of square pictures of `side` px. */
export async function createStockPainter(side: number): Promise<StockPainter> {
  const [whole, half, black] = await Promise.all([draw(side, true), draw(side / 2, true), draw(side, false)]);
  return {
    paint({ spoiled }) {
      return Promise.resolve(spoiled === "black" ? black : spoiled === "half-size" ? half : whole);
    },
    recognise(bytes) {
      if (Buffer.compare(bytes, whole) === 0) return "whole";
      return Buffer.compare(bytes, half) === 0 ? "half" : undefined;
    },
  };
}

async function draw(side: number, colours: boolean): Promise<Bytes> {
  const canvas = createCanvas(side, side);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, side, side);
  if (colours) {
    const sky = pen.createLinearGradient(0, 0, side, side);
    sky.addColorStop(0, "#204060");
    sky.addColorStop(1, "#f0c080");
    pen.fillStyle = sky;
    pen.fillRect(0, 0, side, side);
    pen.fillStyle = "#c03030";
    for (let at = 0; at < 12; at += 1) pen.fillRect((at * side) / 12, (at * side) / 14, side / 20, side / 9);
  }
  return Uint8Array.from(await canvas.encode("webp", 60));
}
