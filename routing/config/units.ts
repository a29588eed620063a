/**
 * Quantities with their units, as they stand in the YAML files: `8s`, `4MiB`, `4MP`, `5%`, `$0.039`, `p95`, `1.5x`.
 *
 * One row a quantity; everything else follows from the table. A number without its unit is refused, never guessed.
 */

interface Quantity {
  /** `$0.039`, `p95`: stands before the number, instead of a suffix. */
  readonly prefix?: string;
  /** Suffix → how many base units it is. Case counts: `m` is minutes, `MP` megapixels. */
  readonly suffixes?: Readonly<Record<string, number>>;
  /** Divided by at the end (7 × 0.01 is not 0.07, 7 / 100 is). */
  readonly divisor: 1 | 100;
  /** Bounds in base units, inclusive. */
  readonly min: number;
  readonly max: number;
  /** There is no part of a base unit. */
  readonly whole: boolean;
  /** For "expected …". */
  readonly words: string;
  readonly example: string;
}

const DAY_MS = 86_400_000;
const MIB = 1_048_576;

/** Base units: ms, bytes, px (a side, or width × height), 0…1, 0…10, USD, 0.5…0.9999, ratio. */
const QUANTITIES = {
  duration: {
    suffixes: { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS },
    divisor: 1,
    min: 0,
    max: 365 * DAY_MS,
    whole: true,
    words: "a duration with its unit: ms, s, m, h or d",
    example: "8s",
  },
  bytes: {
    suffixes: { B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: MIB, GiB: 1024 * MIB },
    divisor: 1,
    min: 0,
    max: 1024 * MIB,
    whole: true,
    words: "a size with its unit: B, kB, MB, KiB or MiB",
    example: "4MiB",
  },
  pixels: {
    suffixes: { px: 1, MP: 1e6 },
    divisor: 1,
    min: 1,
    max: 1e9,
    whole: true,
    words: "a number of pixels with its unit: px or MP",
    example: "4MP",
  },
  share: {
    suffixes: { "%": 1 },
    divisor: 100,
    min: 0,
    max: 1,
    whole: false,
    words: "a percentage from 0% to 100%",
    example: "5%",
  },
  /** In percent of something that it may exceed. */
  level: {
    suffixes: { "%": 1 },
    divisor: 100,
    min: 0,
    max: 10,
    whole: false,
    words: "a percentage from 0% to 1000%",
    example: "100%",
  },
  money: {
    prefix: "$",
    divisor: 1,
    min: 0,
    max: 1e6,
    whole: false,
    words: "an amount in US dollars",
    example: "$0.039",
  },
  quantile: {
    prefix: "p",
    divisor: 100,
    min: 0.5,
    max: 0.9999,
    whole: false,
    words: "a quantile from p50 to p99.99",
    example: "p95",
  },
  factor: {
    suffixes: { x: 1 },
    divisor: 1,
    min: 1,
    max: 100,
    whole: false,
    words: "a factor from 1x to 100x",
    example: "1.5x",
  },
} as const satisfies Record<string, Quantity>;

export type QuantityName = keyof typeof QUANTITIES;

/** The number in base units, or what was expected and how to mend it. */
export type ParsedQuantity =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly expected: string; readonly hint: string };

const NUMBER = /^(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;

/** Reads one quantity. Anything but a string that carries its unit is refused. */
export function parseQuantity(name: QuantityName, raw: unknown): ParsedQuantity {
  const quantity: Quantity = QUANTITIES[name];
  const units = typeof raw === "string" ? toBaseUnits(quantity, raw.trim()) : undefined;
  if (units === undefined) return refused(quantity, spellingHint(quantity, raw));
  // 99.9 / 100 is 0.9990000000000001.
  const value = Number((units / quantity.divisor).toPrecision(12));
  if (value < quantity.min || value > quantity.max) return refused(quantity, `\`${raw}\` is out of range`);
  if (!quantity.whole) return { ok: true, value };
  const rounded = Math.round(value);
  if (Math.abs(rounded - value) > 1e-6)
    return refused(quantity, `\`${raw}\` has a part smaller than the smallest unit`);
  return { ok: true, value: rounded };
}

function toBaseUnits(quantity: Quantity, text: string): number | undefined {
  if (quantity.prefix !== undefined) {
    const digits = text.slice(quantity.prefix.length);
    return text.startsWith(quantity.prefix) && NUMBER.test(digits) ? Number(digits) : undefined;
  }
  const suffix = text.replace(/^[0-9.]+\s*/, "");
  const digits = text.slice(0, text.length - suffix.length).trim();
  const table = quantity.suffixes ?? {};
  if (!NUMBER.test(digits) || !Object.hasOwn(table, suffix)) return undefined;
  return Number(digits) * (table[suffix] ?? Number.NaN);
}

function spellingHint(quantity: Quantity, raw: unknown): string {
  const digits = String(raw).trim();
  if (!NUMBER.test(digits)) return `write it like \`${quantity.example}\``;
  // Who writes 0.05 for a share means 5 %.
  const inUnits =
    quantity.divisor === 100 && Number(digits) < 1 ? String(Number((Number(digits) * 100).toFixed(6))) : digits;
  const unit = quantity.example.replace(/[0-9.]+/, "");
  return `did you mean \`${quantity.prefix === undefined ? `${inUnits}${unit}` : `${unit}${inUnits}`}\`?`;
}

function refused(quantity: Quantity, hint: string): ParsedQuantity {
  return { ok: false, expected: `${quantity.words}, like \`${quantity.example}\``, hint };
}
