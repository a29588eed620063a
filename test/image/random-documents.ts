/**
 * Random JSON documents around random pictures, spelled in every way that JSON allows. Chance comes in as a function, so that the same
 * seed makes the same document in Node and in workerd.
 */
import type { PictureField } from "../../routing/dialects/dialect.ts";

/** Uniform in [0, 1). */
export type Chance = () => number;

/** mulberry32: small, seeded, good enough to make documents. */
export function seededChance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const below = (chance: Chance, bound: number) => Math.floor(chance() * bound);
const pick = <T>(chance: Chance, from: readonly T[]): T => from[below(chance, from.length)] as T;

/** Names that paths use come up often, so that near misses do. */
const NAMES = [
  "data",
  "inlineData",
  "parts",
  "content",
  "thought",
  "candidates",
  "b64_json",
  "é",
  "a\\b",
  'q"',
  "x/y",
  "n",
];
const TEXTS = [
  "",
  "AAAA",
  "not base64 at all",
  'quote " and \\ slash',
  "ü✓🙂",
  "line\nbreak",
  "true",
  '{"data":"AAAA"}',
];

export const SELECTS: readonly PictureField[] = [
  { paths: [["candidates", "*", "content", "parts", "*", "inlineData", "data"]], unless: "thought" },
  { paths: [["data", "*", "b64_json"]] },
  { paths: [["candidates", "*", "content", "parts", "*", "inlineData", "data"]], unless: "thought", which: "last" },
  { paths: [["data", "*", "b64_json"]], which: "last" },
  { paths: [["data", "*"]], unless: "thought" },
  { paths: [["data"], ["content", "data"]], unless: "thought" },
];

export interface RandomDocument {
  readonly select: PictureField;
  readonly text: string;
}

export function randomDocument(chance: Chance): RandomDocument {
  const select = pick(chance, SELECTS);
  const path: readonly string[] = pick(chance, select.paths);
  return { select, text: spell(chance, along(chance, path, select)) };
}

/** A value that has pictures at the path, with other members before and behind, flags here and there. */
function along(chance: Chance, path: readonly string[], select: PictureField): unknown {
  const [step, ...further] = path;
  if (step === undefined) return pictureText(chance);
  if (step === "*") {
    return Array.from({ length: below(chance, 4) }, () =>
      chance() < 0.2 ? anything(chance, 2) : along(chance, further, select),
    );
  }
  const members: (readonly [string, unknown])[] = [[step, along(chance, further, select)]];
  if (chance() < 0.4)
    members.push([select.unless ?? "thought", pick(chance, [true, true, false, null, "true", { thought: true }])]);
  for (let extra = below(chance, 3); extra > 0; extra--) members.push([pick(chance, NAMES), anything(chance, 3)]);
  const order = members.map((member) => [chance(), member] as const).sort(([a], [b]) => a - b);
  // Of members with the same name the first is kept: what a second one means is said by another test.
  const unique = new Map<string, unknown>();
  for (const [, [name, value]] of order) if (!unique.has(name)) unique.set(name, value);
  if (!unique.has(step)) unique.set(step, along(chance, further, select));
  return Object.fromEntries(unique);
}

function anything(chance: Chance, depth: number): unknown {
  const kind = below(chance, depth > 0 ? 8 : 6);
  if (kind === 0) return pick(chance, [0, -1.5, 1e30, 42, 2e-7]);
  if (kind === 1) return pick(chance, [true, false, null]);
  if (kind < 6) return pick(chance, TEXTS);
  const members = Array.from({ length: below(chance, 4) }, () => anything(chance, depth - 1));
  return kind === 6 ? members : Object.fromEntries(members.map((member) => [pick(chance, NAMES), member]));
}

/** Base64 of up to a few hundred bytes in one of its spellings; sometimes none, sometimes broken. */
function pictureText(chance: Chance): string {
  const bytes = Array.from({ length: below(chance, pick(chance, [1, 5, 40, 400])) }, () => below(chance, 256));
  let text = btoa(String.fromCharCode(...bytes));
  if (chance() < 0.3) text = text.replace(/=+$/, "");
  if (chance() < 0.3) text = text.replaceAll("+", "-").replaceAll("/", "_");
  if (chance() < 0.3) text = text.replace(/.{5}/g, (five) => five + pick(chance, ["", " ", "\n", "\r\n", "\t  "]));
  if (chance() < 0.2) text = `data:image/png;base64,${text}`;
  if (chance() < 0.1)
    text = text.slice(0, 3) + pick(chance, ["!", "=", "é", "\\", '"', "AA==A", "\u0000"]) + text.slice(3);
  return text;
}

/** JSON with random white space and escapes. */
function spell(chance: Chance, value: unknown): string {
  const space = () => (chance() < 0.7 ? "" : pick(chance, [" ", "\n", "\t", "\r\n  "]));
  const spaced = (text: string) => space() + text + space();
  if (typeof value === "string") return spaced(spellString(chance, value));
  if (Array.isArray(value)) return spaced(`[${value.map((member) => spell(chance, member)).join(",") || space()}]`);
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([name, member]) => `${spaced(spellString(chance, name))}:${spell(chance, member)}`,
    );
    return spaced(`{${members.join(",") || space()}}`);
  }
  return spaced(JSON.stringify(value));
}

function spellString(chance: Chance, text: string): string {
  const share = pick(chance, [0, 0, 0.02, 0.5]);
  const characters = [...text].map((character) => {
    if (character === "/" && chance() < 0.3) return "\\/";
    if (character.length === 1 && chance() < share)
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    return JSON.stringify(character).slice(1, -1);
  });
  return `"${characters.join("")}"`;
}

/** The text's bytes cut at random places, sometimes at every one. */
export function randomChunks(chance: Chance, text: string): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  const longest = pick(chance, [1, 3, 20, 500, bytes.length]);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const to = at + 1 + below(chance, longest);
    chunks.push(bytes.subarray(at, to));
    at = to;
  }
  return chunks;
}
