/**
 * What a simulated picture is made of: everything here changes the pixels, and nothing else does.
 */
import type { Look } from "../families.ts";

/** What pictures are encoded as. */
export type PictureFormat = "png" | "webp" | "jpeg";

/** One picture to draw. Equal specs are equal pictures. */
export interface PictureSpec {
  readonly look: Look;
  /** The exact version that draws: another version draws other pixels. */
  readonly version: string;
  readonly prompt: string;
  readonly negativePrompt?: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly guidance: number;
  /** Lines that must be legible. */
  readonly text: readonly string[];
  readonly format: PictureFormat;
  /** Reference picture (any format that canvas reads) and how strongly it shows, 0…1. */
  readonly image?: { readonly bytes: Uint8Array; readonly keep: number };
  /** Where the reference may change: white pixels, or transparent ones. */
  readonly mask?: Uint8Array;
  /** What is wrong with it on purpose. */
  readonly spoiled?: "black" | "blurred" | "half-size";
}

const QUOTED = /"([^"]{1,80})"|„([^“”]{1,80})[“”]|“([^”]{1,80})”|(?<![\p{L}\p{N}])'([^']{1,80})'(?![\p{L}\p{N}])/gu;

/**
 * Quoted strings that a prompt asks to be rendered: 'GLOW', "Sale", “Neu”. At most four, each at most 80 characters. Read here and not
 * by the router's own classifier, as a model would: what one of them misses must show.
 */
export function quotedIn(prompt: string): readonly string[] {
  return [...prompt.matchAll(QUOTED)]
    .map(([, ...groups]) => groups.find((text) => text !== undefined) ?? "")
    .slice(0, 4);
}
