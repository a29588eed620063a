/** The look of exports: stars or clouds, light on edges and spheres, fine strokes of rock and grass. */
import { between } from "../chance.ts";
import { clouds, colourOf, haze, outline, paint, type Sheet, sky, trace, vignette } from "./brush.ts";
import type { Composition, Point, Shape } from "./composition.ts";
import type { Palette } from "./palette.ts";

/** Renders a composition as a finished picture. */
export function detailed(sheet: Sheet, scene: Composition): void {
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
  } else clouds(sheet, 14);
  for (const shape of scene.shapes) {
    const colour = colourOf(palette, shape.colour);
    paint(sheet, shape, colour);
    if (shape.kind === "stroke") continue;
    if (shape.kind === "area" && shape.points.length > 20) crest(sheet, shape.points, palette);
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

/** Light along the top of a ridge. */
function crest(sheet: Sheet, points: readonly Point[], palette: Palette): void {
  const { context, width, height } = sheet;
  trace(sheet, points.slice(1, -1));
  context.strokeStyle = palette.glow;
  context.lineWidth = Math.max(1, Math.min(width, height) * 0.0028);
  context.globalAlpha = 0.4;
  context.stroke();
  context.globalAlpha = 1;
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
