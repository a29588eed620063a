/**
 * Is a picture nothing but a checkerboard? Upsamplers that fail numerically leave one: squares of a power of two that alternate all over.
 *
 * Squares of 1 to 16 px are looked for, aligned to the picture's corner, in bands of rows across the picture. In a checkerboard a square
 * is unlike its neighbours, and like the one after them, both ways; in drawings and photographs, and in noise, the one after is at least
 * as unlike. Fed row by row; keeps a few rows of brightness. Fails open: bit depths below 8 and palettes are not judged.
 */
import type { PngHeader } from "./png-stream.ts";

/** Rows of a band, and rows from one band to the next: a quarter of a large picture is looked at. */
const BAND_ROWS = 64;
const BAND_EVERY_ROWS = 256;

/** Levels: squares of 1, 2, 4, 8, 16 px. */
const LEVELS = 5;

/** Least mean difference of neighbouring squares, of 255: less is grain that nobody sees. */
const LEAST_CONTRAST = 4;

/**
 * How like a square is the one after its neighbour, as a share of how unlike its neighbour is: a checkerboard gives 0, noise gives 1,
 * everything smooth more. (test/image/checkerboard.test.ts: planted boards under noise stay below 0.15, drawings above 0.9.)
 */
const MOST_LIKENESS = 0.5;

interface Level {
  /** The last two rows of squares, the older first. */
  rows: readonly (Uint8Array | undefined)[];
  /** Sums of differences: to the next square and to the one after it, across and down. */
  readonly next: { across: number; down: number };
  readonly afterNext: { across: number; down: number };
  compared: number;
  /** Rows of this band. */
  taken: number;
}

export interface CheckerboardJudge {
  /** Takes a row without its filter. */
  row(row: Uint8Array): void;
  isCheckerboard(): boolean;
}

/** A judge of one picture; `undefined` for one that is not judged. */
export function createCheckerboardJudge({ width, depth, colour, pixelBits }: PngHeader): CheckerboardJudge | undefined {
  if (depth < 8 || colour === 3) return undefined;
  const pixelBytes = pixelBits >> 3;
  const sampleBytes = depth >> 3;
  const isColoured = colour === 2 || colour === 6;
  const levels: Level[] = Array.from({ length: LEVELS }, () => ({
    rows: [],
    next: { across: 0, down: 0 },
    afterNext: { across: 0, down: 0 },
    compared: 0,
    taken: 0,
  }));
  let rowNumber = 0;

  function brightness(row: Uint8Array): Uint8Array {
    const bright = new Uint8Array(width);
    for (let x = 0, at = 0; x < width; x++, at += pixelBytes) {
      bright[x] = isColoured
        ? ((row[at] as number) + 2 * (row[at + sampleBytes] as number) + (row[at + 2 * sampleBytes] as number)) >> 2
        : (row[at] as number);
    }
    return bright;
  }

  function add(index: number, squares: Uint8Array): void {
    const level = levels[index];
    if (level === undefined || squares.length < 4) return;
    const [beforeLast, last] = level.rows;
    if (beforeLast !== undefined && last !== undefined) compare(level, { beforeLast, last, squares });
    // Two rows make one of the next level's.
    level.taken += 1;
    if (last !== undefined && level.taken % 2 === 0) add(index + 1, halved(last, squares));
    level.rows = [last, squares];
  }

  return {
    row(row) {
      const inBand = rowNumber % BAND_EVERY_ROWS;
      rowNumber += 1;
      if (inBand >= BAND_ROWS) return;
      if (inBand === 0) {
        for (const level of levels) {
          level.rows = [];
          level.taken = 0;
        }
      }
      add(0, brightness(row));
    },
    isCheckerboard: () => levels.some(isBoard),
  };
}

interface ThreeRows {
  readonly beforeLast: Uint8Array;
  readonly last: Uint8Array;
  readonly squares: Uint8Array;
}

function compare(level: Level, { beforeLast, last, squares }: ThreeRows): void {
  const { next, afterNext } = level;
  for (let x = 0; x + 2 < squares.length; x++) {
    const here = squares[x] as number;
    next.across += Math.abs(here - (squares[x + 1] as number));
    afterNext.across += Math.abs(here - (squares[x + 2] as number));
    next.down += Math.abs(here - (last[x] as number));
    afterNext.down += Math.abs(here - (beforeLast[x] as number));
  }
  level.compared += squares.length - 2;
}

function isBoard({ next, afterNext, compared }: Level): boolean {
  const least = LEAST_CONTRAST * Math.max(1, compared);
  const ways = ["across", "down"] as const;
  return ways.every((way) => next[way] >= least && afterNext[way] < MOST_LIKENESS * next[way]);
}

function halved(above: Uint8Array, below: Uint8Array): Uint8Array {
  const half = new Uint8Array(above.length >> 1);
  for (let x = 0; x < half.length; x++) {
    const sum = (above[2 * x] as number) + (above[2 * x + 1] as number);
    half[x] = (sum + (below[2 * x] as number) + (below[2 * x + 1] as number)) >> 2;
  }
  return half;
}
