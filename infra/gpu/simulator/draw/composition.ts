/**
 * What stands where in a picture, as data: shapes in unit coordinates, without any drawing.
 *
 * Depends on prompt and seed only, so that a draft, a preview and an export of the same request show the same scene, each in its own look.
 */
import { between, chanceFrom, oneOf } from "../chance.ts";
import { choosePalette, type Palette } from "./palette.ts";
import { SCENES } from "./scenes.ts";

/** x to the right and y downwards, both 0…1 of the picture. */
export type Point = readonly [x: number, y: number];

/** One thing in a picture. */
export type Shape =
  /** A closed area. `layer`: index into the palette's layers, or a named colour. */
  | { readonly kind: "area"; readonly points: readonly Point[]; readonly colour: Colour }
  /** `radius` in shares of the shorter side. */
  | { readonly kind: "disc"; readonly at: Point; readonly radius: number; readonly colour: Colour }
  /** `width` in shares of the shorter side. */
  | { readonly kind: "stroke"; readonly points: readonly Point[]; readonly width: number; readonly colour: Colour };

/** A layer of the palette by number, 0 the farthest, or one of its named colours. */
export type Colour = number | "glow" | "accent" | "ink" | "paper";

/** A whole picture as data. */
export interface Composition {
  readonly palette: Palette;
  /** The light: sun or moon. */
  readonly light: { readonly at: Point; readonly radius: number };
  /** Back to front. */
  readonly shapes: readonly Shape[];
}

/** The composition for a prompt and seed. */
export function compose(prompt: string, seed: number): Composition {
  const chance = chanceFrom("composition", prompt, seed);
  const palette = choosePalette(prompt, chanceFrom("palette", prompt, seed));
  const named = SCENES.map((candidate) => ({ ...candidate, at: prompt.search(candidate.words) }));
  const [known] = named.filter(({ at }) => at >= 0).sort((one, other) => one.at - other.at);
  const { scene } = known ?? oneOf(chance, SCENES);
  const light = {
    at: [between(chance, 0.2, 0.8), between(chance, 0.16, 0.4)] as const,
    radius: between(chance, 0.06, 0.13),
  };
  return { palette, light, shapes: scene(chance) };
}
