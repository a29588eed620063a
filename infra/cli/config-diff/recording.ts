/**
 * Recorded requests: features only, one JSON document a line, never a prompt.
 *
 * A line is what a router writes with GALLEY_RECORD=1; lines of other events are passed over, so a whole log can be given.
 */
import type { Ask, ClientLocation, DecideInput, PictureFormat, RequestFeatures } from "../../../routing/authoring.ts";

/** Schema of a line. */
export const RECORDING_SCHEMA = 1;

/** One request as it was recorded. */
export interface Recorded {
  readonly features: RequestFeatures;
  readonly location: ClientLocation;
  readonly steps?: number;
  readonly deadlineMs?: number;
  readonly format?: PictureFormat;
}

export interface Recording {
  readonly requests: readonly Recorded[];
  /** Lines that should be requests and are not, from 1. */
  readonly badLines: readonly number[];
}

/** Reads a recording. */
export function parseRecording(text: string): Recording {
  const requests: Recorded[] = [];
  const badLines: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (!line.includes('"request-features"')) continue;
    const recorded = parseLine(line.slice(line.indexOf("{")));
    if (recorded === undefined) badLines.push(index + 1);
    else requests.push(recorded);
  }
  return { requests, badLines };
}

function parseLine(line: string): Recorded | undefined {
  try {
    const { schema, features, location, steps, deadline_ms, format } = JSON.parse(line) as Record<string, unknown>;
    if (schema !== RECORDING_SCHEMA || !isFeatures(features)) return undefined;
    return {
      features,
      location: (location ?? {}) as ClientLocation,
      ...(typeof steps === "number" ? { steps } : {}),
      ...(typeof deadline_ms === "number" ? { deadlineMs: deadline_ms } : {}),
      ...(typeof format === "string" ? { format: format as PictureFormat } : {}),
    };
  } catch {
    return undefined;
  }
}

function isFeatures(value: unknown): value is RequestFeatures {
  const { width, height, tenant } = (value ?? {}) as Partial<RequestFeatures>;
  return typeof width === "number" && typeof height === "number" && typeof tenant === "string";
}

/** Stand-ins for what a recording does not hold; they give the same features, and nothing is drawn from them. */
const QUOTED = 'a sign that says "open"';
const NO_PICTURE = { bytes: new Uint8Array(), format: "png" } as const;

/** What the decider would have been asked. */
export function toDecideInput({ features, location, steps, deadlineMs, format }: Recorded): DecideInput {
  const { purpose, model, width, height } = features;
  const ask: Ask = {
    prompt: features.hasQuotedText ? QUOTED : "a lighthouse",
    text: features.hasOverlays ? [{ content: "open" }] : [],
    preferredFormat: "webp",
    exportFlag: features.exportFlag,
    ...(purpose === undefined ? {} : { purpose }),
    ...(model === undefined ? {} : { model }),
    ...(width === 0 ? {} : { width }),
    ...(height === 0 ? {} : { height }),
    ...(features.hasImage ? { image: NO_PICTURE } : {}),
    ...(features.hasMask ? { mask: NO_PICTURE } : {}),
    ...(steps === undefined ? {} : { steps }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(format === undefined ? {} : { format }),
  };
  const country = features.country ?? location.country;
  return {
    ask,
    tenant: features.tenant,
    automation: features.automation,
    location: { ...location, ...(country === undefined ? {} : { country }) },
  };
}
