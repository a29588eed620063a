/**
 * Text in pictures: asked lines fitted into a box so that they can be read, and the small mark "simulated".
 */
import type { SKRSContext2D } from "@napi-rs/canvas";
import { SANS, SERIF } from "./fonts.ts";

/** A rectangle, px. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Setting {
  readonly lines: readonly string[];
  readonly size: number;
}

function wrap(context: SKRSContext2D, text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const longer = line ? `${line} ${word}` : word;
    if (line && context.measureText(longer).width > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  if (line) lines.push(line);
  return lines;
}

const fontOf = (family: string, size: number): string => `${size}px "${family}"`;

/** The largest size at which all lines fit the box, px, and how they break. */
function fit(context: SKRSContext2D, text: readonly string[], box: Box, family: string): Setting {
  for (let size = Math.floor(box.height * 0.8); size > 6; size = Math.floor(size * 0.92)) {
    context.font = fontOf(family, size);
    const lines = text.flatMap((line) => wrap(context, line, box.width));
    const widest = Math.max(...lines.map((line) => context.measureText(line).width));
    if (widest <= box.width && lines.length * size * 1.2 <= box.height) return { lines, size };
  }
  context.font = fontOf(family, 7);
  return { lines: text.flatMap((line) => wrap(context, line, box.width)), size: 7 };
}

/** Draws the lines centred in the box, as large as fits, in `fill` with an outline of `edge` around the letters. */
export function drawLines(
  context: SKRSContext2D,
  text: readonly string[],
  box: Box,
  ink: { readonly fill: string; readonly edge: string; readonly serif: boolean },
): void {
  const family = ink.serif ? SERIF : SANS;
  const { lines, size } = fit(context, text, box, family);
  context.save();
  context.font = fontOf(family, size);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = Math.max(2, size * 0.14);
  context.strokeStyle = ink.edge;
  context.fillStyle = ink.fill;
  const lineHeight = size * 1.2;
  const top = box.y + (box.height - lineHeight * lines.length) / 2 + lineHeight / 2;
  lines.forEach((line, index) => {
    const y = top + index * lineHeight;
    context.strokeText(line, box.x + box.width / 2, y);
    context.fillText(line, box.x + box.width / 2, y);
  });
  context.restore();
}

/** The mark in the lower right corner that says what this picture is. */
export function drawMark(context: SKRSContext2D, width: number, height: number): void {
  const size = Math.max(6, Math.round(Math.min(width, height) * 0.018));
  context.save();
  context.font = fontOf(SANS, size);
  context.textBaseline = "middle";
  const textWidth = context.measureText("simulated").width;
  const boxWidth = textWidth + size * 1.2;
  const boxHeight = size * 1.9;
  const x = width - boxWidth - size * 0.7;
  const y = height - boxHeight - size * 0.7;
  context.fillStyle = "rgba(0, 0, 0, 0.45)";
  context.beginPath();
  context.roundRect(x, y, boxWidth, boxHeight, boxHeight / 2);
  context.fill();
  context.fillStyle = "rgba(255, 255, 255, 0.88)";
  context.fillText("simulated", x + size * 0.6, y + boxHeight / 2);
  context.restore();
}
