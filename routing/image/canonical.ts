/**
 * A request in one spelling: two that mean the same picture of the same model become equal data, whatever their callers wrote.
 *
 * In it is what changes pixels and nothing else: no deadline, session, purpose, route or client. Numbers are compared by value, an
 * empty negative prompt is none, reference pictures count by the hash of their bytes. Prompts and texts are kept byte for byte: models read
 * composed and decomposed letters, case and blanks differently, so not even Unicode is normalised.
 */
import type { ImageRequest, PictureFormat } from "./request.ts";

/** What a model makes of the caller's wishes. */
export interface SettledOptions {
  /** The caller's or the model's own; absent for a model that has none. */
  readonly steps?: number;
  readonly guidance?: number;
  /** In which the model answers. */
  readonly format: PictureFormat;
}

/** SHA-256 of the bytes of reference pictures, hex. */
export interface PictureHashes {
  readonly image?: string;
  /** In the caller's order. */
  readonly moreImages?: readonly string[];
  readonly mask?: string;
}

/** Plain data; two requests with equal ones are one work. */
export interface CanonicalRequest extends SettledOptions, PictureHashes {
  readonly prompt: string;
  readonly negativePrompt?: string;
  /** As planned, px. */
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly text: readonly string[];
}

/** The request's canonical form. `hashes` has to name each picture that the request carries. */
export function canonicalRequest(
  request: ImageRequest,
  settled: SettledOptions,
  hashes: PictureHashes,
): CanonicalRequest {
  const { prompt, negativePrompt = "", width, height, seed, text, ...others } = request;
  const { steps: _steps, guidance: _guidance, format: _format, ...carried } = others;
  const { image: _image, moreImages: _more, mask: _mask, ...forgotten } = carried;
  return {
    // A new member of a request does not compile until somebody has said here what it does to the picture.
    ...(forgotten satisfies Readonly<Record<string, never>>),
    prompt,
    ...(negativePrompt === "" ? {} : { negativePrompt }),
    width,
    height,
    seed,
    text: text.map(({ content }) => content),
    ...settled,
    ...hashes,
  };
}
