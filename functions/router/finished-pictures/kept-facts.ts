/**
 * What is written down beside a kept picture: all that an answer tells of it which its bytes do not.
 *
 * One JSON text, as R2's own metadata and as a header in the Cache API. Fails safe: what cannot be read back is not served.
 */
import { MEDIA_TYPES, type PictureFormat } from "../../../routing/index.ts";

export interface KeptFacts {
  /** When it was finished, epoch ms: its age is counted from then, wherever it was copied since. */
  readonly madeAtMs: number;
  readonly format: PictureFormat;
  readonly width: number;
  readonly height: number;
  /** Where it was drawn. */
  readonly endpoint: string;
  readonly place: string;
  /** What the model could not take of the request. */
  readonly warnings: readonly string[];
}

/** Raised when a member changes its meaning. */
const SCHEMA = 1;

/** The text. ASCII, as ids and warnings are. */
export function writeFacts(facts: KeptFacts): string {
  return JSON.stringify({ schema: SCHEMA, ...facts });
}

/** Reads it back; `undefined` for anything else. */
export function readFacts(text: string | null | undefined): KeptFacts | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { schema, ...facts } = value as Partial<KeptFacts> & { readonly schema?: unknown };
  const { madeAtMs, format, width, height, endpoint, place, warnings } = facts;
  const isWhole =
    schema === SCHEMA &&
    [madeAtMs, width, height].every(Number.isFinite) &&
    Object.hasOwn(MEDIA_TYPES, String(format)) &&
    typeof endpoint === "string" &&
    typeof place === "string" &&
    Array.isArray(warnings);
  return isWhole ? (facts as KeptFacts) : undefined;
}
