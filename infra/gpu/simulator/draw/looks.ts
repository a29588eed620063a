/**
 * How each model family renders a composition: sketch for drafts, smooth for previews, detailed for exports, poster for lettering.
 */
import type { SKRSContext2D } from "@napi-rs/canvas";
import { between, type Chance } from "../chance.ts";
import type { Look } from "../families.ts";
import type { Colour, Composition, Point, Shape } from "./composition.ts";
import type { Palette } from "./palette.ts";

/** A canvas being drawn on, its size in px and the chance of this picture. */
export interface Sheet {
  readonly context: SKRSContext2D;
  readonly width: number;
  readonly height: number;
  readonly chance: Chance;
}

const RENDERERS: Readonly<Record<Exclude<Look, "resample">, (sheet: Sheet, scene: Composition) => void>> = {
  smooth: (sheet, scene) => smooth(sheet, scene, 9),
  "smooth-fast": (sheet, scene) => smooth(sheet, scene, 3),
  sketch,
  detailed,
  poster,
};

/** Fills the whole sheet with the scene. */
export function renderLook(look: Exclude<Look, "resample">, sheet: Sheet, scene: Composition): void {
  RENDERERS[look](sheet, scene);
}

function colourOf(palette: Palette, colour: Colour): string {
  if (typeof colour === "number") return palette.layers[colour] ?? palette.ink;
  return palette[colour];
}

function trace(sheet: Sheet, points: readonly Point[], wobble = 0): void {
  const { context, width, height, chance } = sheet;
  const shake = (): number => (wobble ? (chance() - 0.5) * wobble : 0);
  context.beginPath();
  points.forEach(([x, y], index) => {
    if (index === 0) context.moveTo(x * width + shake(), y * height + shake());
    else context.lineTo(x * width + shake(), y * height + shake());
  });
}

function outline(sheet: Sheet, shape: Shape, wobble = 0): void {
  const { context, width, height } = sheet;
  if (shape.kind === "disc") {
    context.beginPath();
    context.arc(shape.at[0] * width, shape.at[1] * height, shape.radius * Math.min(width, height), 0, Math.PI * 2);
  } else {
    trace(sheet, shape.points, wobble);
    if (shape.kind === "area") context.closePath();
  }
}

function paint(sheet: Sheet, shape: Shape, colour: string): void {
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

function sky(sheet: Sheet, { palette, light }: Composition): void {
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

function smooth(sheet: Sheet, scene: Composition, clouds: number): void {
  const { context, width, height, chance } = sheet;
  sky(sheet, scene);
  for (let cloud = 0; cloud < clouds; cloud += 1) {
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
  for (const shape of scene.shapes) paint(sheet, shape, colourOf(scene.palette, shape.colour));
  haze(sheet, scene.palette, 0.35);
  vignette(sheet, 0.28);
}

/** Light from the horizon that takes the edge off distant things. */
function haze(sheet: Sheet, palette: Palette, strength: number): void {
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

/** The same `hsl(…)` colour, unseen: a gradient towards it fades without passing through grey. */
function transparent(colour: string): string {
  return colour.replace(")", " / 0)");
}

function vignette(sheet: Sheet, strength: number): void {
  const { context, width, height } = sheet;
  const radius = Math.hypot(width, height) / 2;
  const shade = context.createRadialGradient(width / 2, height / 2, radius * 0.5, width / 2, height / 2, radius);
  shade.addColorStop(0, "rgba(0, 0, 0, 0)");
  shade.addColorStop(1, `rgba(0, 0, 0, ${strength})`);
  context.fillStyle = shade;
  context.fillRect(0, 0, width, height);
}

function detailed(sheet: Sheet, scene: Composition): void {
  const { context, width, height, chance } = sheet;
  const { palette } = scene;
  const unit = Math.min(width, height);
  sky(sheet, scene);
  if (palette.dark) {
    context.fillStyle = palette.glow;
    for (let star = 0; star < 260; star += 1) {
      context.globalAlpha = between(chance, 0.2, 0.95);
      const size = between(chance, 0.0008, 0.0026) * unit;
      context.fillRect(chance() * width, chance() ** 1.4 * height * 0.6, size, size);
    }
    context.globalAlpha = 1;
  }
  for (const shape of scene.shapes) {
    const colour = colourOf(palette, shape.colour);
    paint(sheet, shape, colour);
    if (shape.kind === "stroke") continue;
    context.save();
    outline(sheet, shape);
    context.clip();
    if (shape.kind === "disc") rim(sheet, shape);
    else if (shape.points.length > 20) strata(sheet, shape.points, palette);
    context.restore();
  }
  haze(sheet, palette, 0.22);
  vignette(sheet, 0.4);
}

/** Light on the upper left of a disc, shade on the lower right. */
function rim(sheet: Sheet, disc: Extract<Shape, { kind: "disc" }>): void {
  const { context, width, height } = sheet;
  const radius = disc.radius * Math.min(width, height);
  const [x, y] = [disc.at[0] * width, disc.at[1] * height];
  const shade = context.createRadialGradient(x - radius * 0.4, y - radius * 0.4, radius * 0.1, x, y, radius);
  shade.addColorStop(0, "rgba(255, 255, 255, 0.5)");
  shade.addColorStop(0.5, "rgba(255, 255, 255, 0)");
  shade.addColorStop(1, "rgba(0, 0, 0, 0.42)");
  context.fillStyle = shade;
  context.fillRect(x - radius, y - radius, radius * 2, radius * 2);
}

/** Fine slanting strokes below a ridge: rock, grass, foliage. */
function strata(sheet: Sheet, points: readonly Point[], palette: Palette): void {
  const { context, width, height, chance } = sheet;
  const unit = Math.min(width, height);
  context.lineWidth = Math.max(0.6, unit * 0.0011);
  for (const [index, [x, y]] of points.entries()) {
    if (index === 0 || index === points.length - 1) continue;
    for (let line = 0; line < 7; line += 1) {
      const startX = (x + between(chance, -0.004, 0.004)) * width;
      const startY = (y + chance() ** 2 * 0.22) * height;
      const length = between(chance, 0.008, 0.04) * unit;
      context.strokeStyle = chance() < 0.5 ? palette.glow : palette.ink;
      context.globalAlpha = between(chance, 0.05, 0.22);
      context.beginPath();
      context.moveTo(startX, startY);
      context.lineTo(startX + length * between(chance, -0.5, 0.9), startY + length);
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

function sketch(sheet: Sheet, scene: Composition): void {
  const { context, width, height, chance } = sheet;
  const { palette } = scene;
  const unit = Math.min(width, height);
  context.fillStyle = palette.paper;
  context.fillRect(0, 0, width, height);
  context.lineCap = "round";
  context.lineJoin = "round";
  const sun: Shape = { kind: "disc", at: scene.light.at, radius: scene.light.radius, colour: "accent" };
  for (const shape of [sun, ...scene.shapes]) {
    if (shape.kind !== "stroke") {
      outline(sheet, shape);
      context.fillStyle = palette.paper;
      context.fill();
      context.globalAlpha = 0.3;
      context.fillStyle = colourOf(palette, shape.colour);
      context.fill();
      context.globalAlpha = 1;
      if (shape.kind === "area" && shape.points.length > 20) hatch(sheet, shape, colourOf(palette, shape.colour));
    }
    context.strokeStyle = palette.ink;
    context.lineWidth = Math.max(1, unit * 0.0022);
    context.globalAlpha = 0.75;
    for (let pass = 0; pass < 2; pass += 1) {
      outline(sheet, shape, unit * 0.004);
      context.stroke();
    }
    context.globalAlpha = 1;
  }
  context.strokeStyle = palette.ink;
  context.globalAlpha = 0.35;
  for (let mark = 0; mark < 5; mark += 1) {
    const y = between(chance, 0.05, 0.3) * height;
    const x = between(chance, 0, 0.8) * width;
    trace(
      sheet,
      [0, 0.05, 0.1, 0.15].map((step): Point => [x / width + step, y / height]),
      unit * 0.012,
    );
    context.stroke();
  }
  context.globalAlpha = 1;
}

function hatch(sheet: Sheet, shape: Shape, colour: string): void {
  const { context, width, height, chance } = sheet;
  const gap = Math.max(5, Math.min(width, height) * 0.014);
  context.save();
  outline(sheet, shape);
  context.clip();
  context.strokeStyle = colour;
  context.globalAlpha = 0.4;
  context.lineWidth = Math.max(1, gap * 0.12);
  context.beginPath();
  for (let x = -height; x < width; x += gap * between(chance, 0.8, 1.2)) {
    context.moveTo(x, height);
    context.lineTo(x + height, between(chance, -gap, gap));
  }
  context.stroke();
  context.restore();
}

function poster(sheet: Sheet, scene: Composition): void {
  const { context, width, height } = sheet;
  const { palette, light } = scene;
  context.fillStyle = palette.skyHigh;
  context.fillRect(0, 0, width, height);
  const [x, y] = [light.at[0] * width, light.at[1] * height];
  const reach = Math.hypot(width, height);
  context.fillStyle = palette.skyLow;
  for (let ray = 0; ray < 16; ray += 1) {
    const angle = (ray / 16) * Math.PI * 2;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + Math.cos(angle) * reach, y + Math.sin(angle) * reach);
    context.lineTo(x + Math.cos(angle + 0.2) * reach, y + Math.sin(angle + 0.2) * reach);
    context.fill();
  }
  context.fillStyle = palette.accent;
  context.beginPath();
  context.arc(x, y, light.radius * 1.7 * Math.min(width, height), 0, Math.PI * 2);
  context.fill();
  for (const shape of scene.shapes) paint(sheet, shape, colourOf(palette, shape.colour));
  context.strokeStyle = palette.paper;
  context.lineWidth = Math.min(width, height) * 0.022;
  context.strokeRect(0, 0, width, height);
}
