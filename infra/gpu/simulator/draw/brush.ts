/**
 * What all looks paint with: a sheet, shapes onto it, sky, clouds, haze, vignette.
 */
import type { SKRSContext2D } from "@napi-rs/canvas";
import { between, type Chance } from "../chance.ts";
import type { Colour, Composition, Point, Shape } from "./composition.ts";
import type { Palette } from "./palette.ts";

/** A canvas being drawn on, its size in px and the chance of this picture. */
export interface Sheet {
  readonly context: SKRSContext2D;
  readonly width: number;
  readonly height: number;
  readonly chance: Chance;
}

/** The CSS colour that a shape's colour means in this palette. */
export function colourOf(palette: Palette, colour: Colour): string {
  if (typeof colour === "number") return palette.layers[colour] ?? palette.ink;
  return palette[colour];
}

/** Lays a path through the points; `wobble` shakes each by up to half of it, px. */
export function trace(sheet: Sheet, points: readonly Point[], wobble = 0): void {
  const { context, width, height, chance } = sheet;
  const shake = (): number => (wobble ? (chance() - 0.5) * wobble : 0);
  context.beginPath();
  points.forEach(([x, y], index) => {
    if (index === 0) context.moveTo(x * width + shake(), y * height + shake());
    else context.lineTo(x * width + shake(), y * height + shake());
  });
}

/** Lays the path of a shape, to be filled, stroked or clipped to. */
export function outline(sheet: Sheet, shape: Shape, wobble = 0): void {
  const { context, width, height } = sheet;
  if (shape.kind === "disc") {
    context.beginPath();
    context.arc(shape.at[0] * width, shape.at[1] * height, shape.radius * Math.min(width, height), 0, Math.PI * 2);
  } else {
    trace(sheet, shape.points, wobble);
    if (shape.kind === "area") context.closePath();
  }
}

/** Fills or strokes a shape in one colour. */
export function paint(sheet: Sheet, shape: Shape, colour: string): void {
  const { context, width, height } = sheet;
  outline(sheet, shape);
  if (shape.kind === "stroke") {
    context.strokeStyle = colour;
    context.lineWidth = Math.max(1, shape.width * Math.min(width, height));
    context.stroke();
  } else {
    context.fillStyle = colour;
    context.fill();
  }
}

/** Fills the sheet with the sky and its light. */
export function sky(sheet: Sheet, { palette, light }: Composition): void {
  const { context, width, height } = sheet;
  const gradient = context.createLinearGradient(0, 0, 0, height * 0.75);
  gradient.addColorStop(0, palette.skyHigh);
  gradient.addColorStop(1, palette.skyLow);
  context.fillStyle = gradient;
  context.fillRect(0, 0, width, height);
  const [x, y] = [light.at[0] * width, light.at[1] * height];
  const radius = light.radius * Math.min(width, height);
  const halo = context.createRadialGradient(x, y, radius * 0.5, x, y, radius * 5);
  halo.addColorStop(0, palette.glow);
  halo.addColorStop(1, transparent(palette.glow));
  context.globalAlpha = 0.55;
  context.fillStyle = halo;
  context.fillRect(0, 0, width, height);
  context.globalAlpha = 1;
  context.fillStyle = palette.glow;
  context.beginPath();
  context.arc(x, y, radius, 0, Math.PI * 2);
  context.fill();
}

/** Soft clouds in the upper half. */
export function clouds(sheet: Sheet, count: number): void {
  const { context, width, height, chance } = sheet;
  for (let cloud = 0; cloud < count; cloud += 1) {
    const [x, y] = [between(chance, 0, width), between(chance, 0.05, 0.45) * height];
    const radius = between(chance, 0.08, 0.2) * width;
    const puff = context.createRadialGradient(x, y, 0, x, y, radius);
    puff.addColorStop(0, "rgba(255, 255, 255, 0.3)");
    puff.addColorStop(1, "rgba(255, 255, 255, 0)");
    context.fillStyle = puff;
    context.save();
    context.translate(0, y * 0.62);
    context.scale(1, 0.38);
    context.fillRect(x - radius, y - radius, radius * 2, radius * 2);
    context.restore();
  }
}

/** Light from the horizon that takes the edge off distant things. */
export function haze(sheet: Sheet, palette: Palette, strength: number): void {
  const { context, width, height } = sheet;
  const veil = context.createLinearGradient(0, height * 0.3, 0, height);
  veil.addColorStop(0, transparent(palette.skyLow));
  veil.addColorStop(0.35, palette.skyLow);
  veil.addColorStop(1, transparent(palette.skyLow));
  context.globalAlpha = strength;
  context.fillStyle = veil;
  context.fillRect(0, height * 0.3, width, height * 0.7);
  context.globalAlpha = 1;
}

/** Darkens the corners; `strength` 0…1. */
export function vignette(sheet: Sheet, strength: number): void {
  const { context, width, height } = sheet;
  const radius = Math.hypot(width, height) / 2;
  const shade = context.createRadialGradient(width / 2, height / 2, radius * 0.5, width / 2, height / 2, radius);
  shade.addColorStop(0, "rgba(0, 0, 0, 0)");
  shade.addColorStop(1, `rgba(0, 0, 0, ${strength})`);
  context.fillStyle = shade;
  context.fillRect(0, 0, width, height);
}

/** The same `hsl(…)` colour, unseen: a gradient towards it fades without passing through grey. */
function transparent(colour: string): string {
  return colour.replace(")", " / 0)");
}
