/**
 * What each model family looks like and how long it takes: the only place where simulated models are described.
 *
 * Times are made up to be plausible for one data-centre GPU (or for the hosted service as seen from outside); no vendor publishes
 * them. An endpoint may override them, and `endpointsFromCatalog` fits them to the catalogue's own expectation.
 */

/** Models that can be played. */
export type Family =
  | "sd3.5-medium"
  | "sd3.5-medium-fast"
  | "nano-banana"
  | "nano-banana-pro"
  | "ideogram-v2a-turbo"
  | "upscaler";

/** How a family draws: `sketch` (drafts), `smooth` (previews), `detailed` (exports), `poster` (lettering), `resample` (upscaling). */
export type Look = "sketch" | "smooth" | "smooth-fast" | "detailed" | "poster" | "resample";

/** Service time = overheadMs + steps × (stepMs + stepMsPerMegapixel × megapixels) + decodeMsPerMegapixel × megapixels. */
export interface Timing {
  readonly overheadMs: number;
  readonly stepMs: number;
  readonly stepMsPerMegapixel: number;
  readonly decodeMsPerMegapixel: number;
  /** Coefficient of variation of one service time, 0…1. GPUs show 0.02–0.05. */
  readonly spread: number;
}

/** How a family looks and how long it takes. Steps, guidance and size are what it takes when a request names none. */
export interface FamilyTraits {
  readonly look: Look;
  readonly timing: Timing;
  /** Denoising steps when the request names none; hosted models count as one step. */
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
}

const SQUARE = { width: 1024, height: 1024 } as const;

/** One entry a family. */
export const FAMILIES: Readonly<Record<Family, FamilyTraits>> = {
  "sd3.5-medium": {
    ...SQUARE,
    look: "smooth",
    steps: 28,
    guidance: 4.5,
    timing: { overheadMs: 120, stepMs: 8, stepMsPerMegapixel: 24, decodeMsPerMegapixel: 60, spread: 0.03 },
  },
  "sd3.5-medium-fast": {
    ...SQUARE,
    look: "smooth-fast",
    steps: 8,
    guidance: 1,
    timing: { overheadMs: 100, stepMs: 8, stepMsPerMegapixel: 16, decodeMsPerMegapixel: 60, spread: 0.03 },
  },
  "nano-banana": {
    ...SQUARE,
    look: "sketch",
    steps: 1,
    guidance: 1,
    timing: { overheadMs: 1200, stepMs: 600, stepMsPerMegapixel: 500, decodeMsPerMegapixel: 50, spread: 0.05 },
  },
  "nano-banana-pro": {
    ...SQUARE,
    look: "detailed",
    steps: 1,
    guidance: 1,
    timing: { overheadMs: 4000, stepMs: 3000, stepMsPerMegapixel: 1500, decodeMsPerMegapixel: 100, spread: 0.05 },
  },
  "ideogram-v2a-turbo": {
    ...SQUARE,
    look: "poster",
    steps: 1,
    guidance: 1,
    timing: { overheadMs: 1000, stepMs: 1200, stepMsPerMegapixel: 800, decodeMsPerMegapixel: 50, spread: 0.05 },
  },
  upscaler: {
    ...SQUARE,
    look: "resample",
    steps: 1,
    guidance: 1,
    timing: { overheadMs: 150, stepMs: 50, stepMsPerMegapixel: 120, decodeMsPerMegapixel: 30, spread: 0.02 },
  },
};

/** The family that a spelling of a model means (`SD3.5_Medium`, `gemini-3-pro-image`, `V_2A_TURBO`); `undefined` when none does. */
export function familyOf(spelling: string): Family | undefined {
  const folded = spelling.toLowerCase().replace(/[^a-z0-9]+/g, "");
  if (folded.includes("upscale")) return "upscaler";
  if (folded.includes("ideogram") || /^v[123]a?(turbo)?$/.test(folded)) return "ideogram-v2a-turbo";
  if (/nanobananapro|gemini.*pro.*image/.test(folded)) return "nano-banana-pro";
  if (/nanobanana|gemini.*image/.test(folded)) return "nano-banana";
  if (/sd3|sdxl|stablediffusion/.test(folded)) {
    return /fast|turbo|flash|lightning/.test(folded) ? "sd3.5-medium-fast" : "sd3.5-medium";
  }
  return undefined;
}
