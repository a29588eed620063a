/**
 * Seeded chance: every random thing in the simulator comes from here, so that equal seeds give equal runs and equal pictures.
 */
import { createHash } from "node:crypto";

/** Draws a number in [0, 1). Each call moves on. */
export type Chance = () => number;

/** A generator (sfc32) seeded by the parts; equal parts give the equal sequence. */
export function chanceFrom(...parts: readonly (string | number)[]): Chance {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  let a = digest.readInt32LE(0);
  let b = digest.readInt32LE(4);
  let c = digest.readInt32LE(8);
  let counter = digest.readInt32LE(12);
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 4294967296;
  };
}

/** A number in [low, high). */
export function between(chance: Chance, low: number, high: number): number {
  return low + chance() * (high - low);
}

/** One of the items; the list must not be empty. */
export function oneOf<T>(chance: Chance, items: readonly T[]): T {
  const item = items[Math.floor(chance() * items.length)];
  if (item === undefined) throw new Error("oneOf needs at least one item");
  return item;
}

/** Standard normal deviate (Box–Muller). */
export function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
}

/** SHA-256 of the parts in hex, for keys and ids. */
export function digestOf(...parts: readonly (string | number)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
