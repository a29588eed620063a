/**
 * What is asked for: one image request in Galley's own words, after the HTTP body was checked and before any dialect sees it.
 */

export type PictureFormat = "png" | "webp" | "jpeg";

/** Media type of each format that Galley serves. */
export const MEDIA_TYPES = { png: "image/png", webp: "image/webp", jpeg: "image/jpeg" } as const satisfies Record<
  PictureFormat,
  string
>;

/** A line of text that must be legible in the picture. */
export interface TextOverlay {
  readonly content: string;
}

/** A picture that travels inside the request. */
export interface InlinePicture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly format: PictureFormat;
}

/** What to draw. Every field that changes the pixels is here; nothing else is. */
export interface ImageRequest {
  readonly prompt: string;
  readonly negativePrompt?: string;
  /** Asked width and height, px. Always set: the HTTP layer fills the default of the purpose or of the model. */
  readonly width: number;
  readonly height: number;
  /** 0…2^31−1 (the smallest range that every provider takes). Always set before the first attempt, so that a hedge draws the same picture. */
  readonly seed: number;
  /** Denoising steps asked by the caller; `undefined` leaves the model's own. */
  readonly steps?: number;
  /** Classifier-free guidance asked by the caller. */
  readonly guidance?: number;
  readonly text: readonly TextOverlay[];
  /** Reference picture. */
  readonly image?: InlinePicture;
  /** Further reference pictures, in the caller's order; at most 15. Only with `image`. */
  readonly moreImages?: readonly InlinePicture[];
  /** Transparent white where the picture may change, opaque black elsewhere (mask.ts), so that no server reads it otherwise. Only with `image`. */
  readonly mask?: InlinePicture;
  readonly format: PictureFormat;
}
