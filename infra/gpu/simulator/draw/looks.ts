/**
 * How each model family renders a composition: sketch for drafts, smooth for previews, detailed for exports, poster for lettering.
 */
import type { Look } from "../families.ts";
import { clouds, colourOf, haze, paint, type Sheet, sky, vignette } from "./brush.ts";
import type { Composition } from "./composition.ts";
import { detailed } from "./detailed.ts";
import { sketch } from "./sketch.ts";

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

function smooth(sheet: Sheet, scene: Composition, cloudCount: number): void {
  sky(sheet, scene);
  clouds(sheet, cloudCount);
  for (const shape of scene.shapes) paint(sheet, shape, colourOf(scene.palette, shape.colour));
  haze(sheet, scene.palette, 0.35);
  vignette(sheet, 0.28);
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
