/**
 * Colours of a picture: from colour and mood words in the prompt where there are any, otherwise by chance.
 */
import { between, type Chance, oneOf } from "../chance.ts";

/** CSS colours of one picture, from the sky down to the nearest thing. */
export interface Palette {
  readonly skyHigh: string;
  readonly skyLow: string;
  readonly glow: string;
  /** Ground layers, far to near. */
  readonly layers: readonly string[];
  readonly accent: string;
  readonly ink: string;
  readonly paper: string;
  /** True when light things stand out on it. */
  readonly dark: boolean;
}

/** Hue in degrees for words that people use in prompts. */
const HUES: Readonly<Record<string, number>> = {
  red: 2,
  crimson: 350,
  coral: 14,
  orange: 26,
  fox: 22,
  autumn: 24,
  amber: 38,
  gold: 44,
  yellow: 50,
  desert: 36,
  lemon: 54,
  lime: 80,
  green: 130,
  forest: 140,
  mint: 158,
  teal: 178,
  turquoise: 180,
  cyan: 190,
  sea: 204,
  ocean: 206,
  blue: 216,
  winter: 212,
  indigo: 244,
  violet: 268,
  purple: 280,
  magenta: 312,
  pink: 334,
  rose: 340,
};
const NIGHT = /\b(night|midnight|dark|moon|stars?|starry|neon|space|galaxy)\b/i;
const DUSK = /\b(sunset|sunrise|dusk|dawn|evening|golden hour|lantern)\b/i;

const hsl = (hue: number, saturation: number, lightness: number): string =>
  `hsl(${((hue % 360) + 360) % 360} ${saturation}% ${lightness}%)`;

/** A palette for the prompt; equal prompt and chance give equal colours. */
export function choosePalette(prompt: string, chance: Chance): Palette {
  const words = prompt.toLowerCase().match(/\p{L}+/gu) ?? [];
  const named = words.map((word) => HUES[word]).filter((hue) => hue !== undefined);
  const hue = (named[0] ?? between(chance, 0, 360)) + between(chance, -6, 6);
  const second = named[1] ?? hue + oneOf(chance, [28, 150, 180, 205, 330]);
  const dark = NIGHT.test(prompt);
  const warm = DUSK.test(prompt);
  const base = dark ? 9 : warm ? 34 : 62;
  const layers = [0, 1, 2, 3, 4].map((depth) =>
    hsl(hue + depth * 5, 30 + depth * 8, dark ? 24 - depth * 4.2 : 62 - depth * 11),
  );
  return {
    skyHigh: hsl(warm ? 258 : hue + 10, dark ? 55 : 52, base),
    skyLow: hsl(warm ? 24 : second, dark ? 45 : 72, dark ? 26 : warm ? 66 : 86),
    glow: hsl(warm ? 40 : second + 15, 95, dark ? 82 : 88),
    layers,
    accent: hsl(second, 82, dark ? 62 : 54),
    ink: hsl(hue, 35, 16),
    paper: hsl(second + 20, 34, 94),
    dark,
  };
}
