/**
 * Which ratio and which size class to ask Gemini for, and which pixels will come.
 *
 * Source: the pixel tables of ai.google.dev/gemini-api/docs/image-generation (providers.md §1.1): every class is a power of two of the
 * 1K one; gemini-2.5-flash-image has its own sizes and no classes. Real pictures can be a few px off.
 */
import type { Size } from "../../image/size.ts";
import { nearestRatio, shapeOf } from "../size.ts";

export type SizeClass = "512" | "1K" | "2K" | "4K";

/** What is asked for, and what will come of it. */
export interface GeminiSize {
  readonly ratio: string;
  /** `undefined` for the model that has no classes. */
  readonly sizeClass?: SizeClass;
  readonly coming: Size;
}

type Row = Size & { readonly ratio: string; readonly pixels: Size };

function row(ratio: string, width: number, height: number): Row {
  return { ...shapeOf(ratio), pixels: { width, height } };
}

const FLASH_2_5: readonly [Row, ...Row[]] = [
  row("1:1", 1024, 1024),
  row("2:3", 832, 1248),
  row("3:2", 1248, 832),
  row("3:4", 864, 1184),
  row("4:3", 1184, 864),
  row("4:5", 896, 1152),
  row("5:4", 1152, 896),
  row("9:16", 768, 1344),
  row("16:9", 1344, 768),
  row("21:9", 1536, 672),
];

/** At 1K. */
const STANDARD: readonly [Row, ...Row[]] = [
  row("1:1", 1024, 1024),
  row("2:3", 848, 1264),
  row("3:2", 1264, 848),
  row("3:4", 896, 1200),
  row("4:3", 1200, 896),
  row("4:5", 928, 1152),
  row("5:4", 1152, 928),
  row("9:16", 768, 1376),
  row("16:9", 1376, 768),
  row("21:9", 1584, 672),
];

/** At 1K; the newer Flash models also draw strips. */
const WITH_STRIPS: readonly [Row, ...Row[]] = [
  ...STANDARD,
  row("1:4", 512, 2048),
  row("4:1", 2048, 512),
  row("1:8", 384, 3072),
  row("8:1", 3072, 384),
];

const SCALE: Readonly<Record<SizeClass, number>> = { "512": 0.5, "1K": 1, "2K": 2, "4K": 4 };

interface Family {
  readonly rows: readonly [Row, ...Row[]];
  /** Smallest first; none: the model takes no class. */
  readonly classes: readonly SizeClass[];
}

/** By model id. A successor that is not known yet is taken for one of the Pro kind, which all newer ones extend. */
function familyOf(model: string): Family {
  if (model.startsWith("gemini-2.5-flash-image")) return { rows: FLASH_2_5, classes: [] };
  if (model.includes("flash-lite-image")) return { rows: STANDARD, classes: ["1K"] };
  if (model.startsWith("gemini-3.1-flash-image")) return { rows: WITH_STRIPS, classes: ["512", "1K", "2K", "4K"] };
  // Sources disagree on whether 2.1 takes "512": treated as refused.
  if (model.startsWith("gemini-nano-banana-2.")) return { rows: WITH_STRIPS, classes: ["1K", "2K", "4K"] };
  return { rows: STANDARD, classes: ["1K", "2K", "4K"] };
}

export interface SizeAsk {
  readonly asked: Size;
  /** Model id upstream. */
  readonly model: string;
  /** The catalogue's limit, px; sizes that pass it by their shape alone (ROUNDING_SLACK) still count as within. */
  readonly maxPixels: number;
  /** A class that the catalogue fixes. */
  readonly fixedClass?: string;
}

/** How far a size may pass the limit: 1K of 8:1 has 12.5 % more pixels than 1K of 1:1. */
const ROUNDING_SLACK = 1.15;

/** How far a picture's side may fall short of the asked one and still count as that size. */
const SIDE_SLACK = 1.03;

/** The nearest ratio, and the smallest class that covers the asked size; the largest allowed one where none does. */
export function chooseGeminiSize(ask: SizeAsk): GeminiSize {
  const { asked } = ask;
  const family = familyOf(ask.model);
  const { ratio, pixels } = nearestRatio(asked, family.rows);
  const sizeAt = (sizeClass: SizeClass): Size => ({
    width: pixels.width * SCALE[sizeClass],
    height: pixels.height * SCALE[sizeClass],
  });
  const area = (size: Size): number => size.width * size.height;
  const fixed = family.classes.find((sizeClass) => sizeClass === ask.fixedClass);
  const allowed = family.classes.filter((sizeClass) => area(sizeAt(sizeClass)) <= ask.maxPixels * ROUNDING_SLACK);
  const sizeClass =
    fixed ?? allowed.find((one) => covers(sizeAt(one), asked)) ?? allowed[allowed.length - 1] ?? family.classes[0];
  return sizeClass === undefined ? { ratio, coming: pixels } : { ratio, sizeClass, coming: sizeAt(sizeClass) };
}

function covers(size: Size, asked: Size): boolean {
  return size.width * SIDE_SLACK >= asked.width && size.height * SIDE_SLACK >= asked.height;
}
