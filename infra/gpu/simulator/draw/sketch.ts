/** The look of drafts: pencil on paper, hatching, a little wash. */
import { between } from "../chance.ts";
import { colourOf, outline, type Sheet, trace } from "./brush.ts";
import type { Composition, Point, Shape } from "./composition.ts";

/** Renders a composition as a pencil drawing. */
export function sketch(sheet: Sheet, scene: Composition): void {
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
