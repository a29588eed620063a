/**
 * From a checked OpenAI-shaped body to what the core is asked for, and what of it has no effect here.
 */
import {
  type Ask,
  type InlinePicture,
  knownPurposes,
  type RequestFailure,
  type Result,
  type Snapshot,
} from "../../../routing/index.ts";
import { MAX_SIDE_PX } from "../schemas.ts";
import { type ImagesBody, KNOWN_MEMBERS } from "./schemas.ts";

/** Smallest side that the native call takes, px. */
const MIN_SIDE_PX = 16;

/** A picture to be edited is drawn anew at its own size, up to so many pixels: one megapixel is what edit models draw by default. */
const MAX_EDIT_PIXELS = 1024 * 1024;

export type CallKind = "generation" | "edit";

/** One call of a client. */
export interface ImagesCall {
  readonly kind: CallKind;
  readonly ask: Ask;
  /** Pictures, 1…10. */
  readonly count: number;
  readonly delivery: "b64_json" | "url";
  readonly stream: boolean;
  /** Drafts while a streamed picture renders; `false` only where the client asks for none. */
  readonly wantsPreview: boolean;
  /** Members that had no effect, for `galley-warning`. */
  readonly ignored: readonly string[];
}

/** The pictures of an edit. */
export interface EditPictures {
  readonly image: InlinePicture & { readonly width: number; readonly height: number };
  readonly moreImages?: readonly InlinePicture[];
  readonly mask?: InlinePicture;
}

/** Understands a body. Failures: `invalid_request` at the member. */
export function toCall(
  body: ImagesBody,
  { snapshot, pictures }: { readonly snapshot: Snapshot; readonly pictures?: EditPictures },
): Result<ImagesCall, RequestFailure> {
  const size = askedSize(body.size, pictures);
  if (!size.ok) return size;
  const stream = body.stream ?? false;
  return {
    ok: true,
    value: {
      kind: pictures === undefined ? "generation" : "edit",
      ask: { ...toAsk(body, snapshot), ...size.value, ...inline(pictures) },
      count: body.n ?? 1,
      delivery: stream ? "b64_json" : (body.response_format ?? "b64_json"),
      stream,
      wantsPreview: body.partial_images !== 0,
      ignored: ignoredMembers(body, stream),
    },
  };
}

/** `auto` (or nothing) lets routing decide; a purpose declares it; anything else is a model's name. */
export function readModel(name: string | null | undefined, snapshot: Snapshot): Pick<Ask, "purpose" | "model"> {
  if (name === undefined || name === null || name === "auto") return {};
  return knownPurposes(snapshot.content.routing).has(name) ? { purpose: name } : { model: name };
}

function toAsk(body: ImagesBody, snapshot: Snapshot): Ask {
  const format = body.output_format ?? undefined;
  return {
    prompt: body.prompt,
    text: [],
    preferredFormat: "png",
    exportFlag: false,
    ...readModel(body.model, snapshot),
    ...present("format", format),
    ...present("purpose", body.purpose),
    ...present("negativePrompt", body.negative_prompt),
    ...present("seed", body.seed),
    ...present("steps", body.steps),
    ...present("guidance", body.guidance),
    ...present("session", body.session),
    ...present("layer", body.layer),
    ...present("deadlineMs", body.deadline_ms),
  };
}

/** `{[name]: value}`, or nothing where there is no value. */
function present<Name extends string, Value>(name: Name, value: Value | null | undefined): { [Key in Name]?: Value } {
  return value === undefined || value === null ? {} : ({ [name]: value } as { [Key in Name]?: Value });
}

function inline(pictures: EditPictures | undefined): Pick<Ask, "image" | "moreImages" | "mask"> {
  if (pictures === undefined) return {};
  const { bytes, format } = pictures.image;
  const { moreImages, mask } = pictures;
  return { image: { bytes, format }, ...present("moreImages", moreImages), ...present("mask", mask) };
}

type Sides = Pick<Ask, "width" | "height">;

/** `auto` is the purpose's own size, or that of the picture to be edited. */
function askedSize(size: string | null | undefined, pictures: EditPictures | undefined): Result<Sides, RequestFailure> {
  if (size === undefined || size === null || size === "auto") {
    return { ok: true, value: pictures === undefined ? {} : ownSize(pictures.image) };
  }
  const [width = 0, height = 0] = size.split("x").map(Number);
  if (Math.min(width, height) >= MIN_SIDE_PX && Math.max(width, height) <= MAX_SIDE_PX) {
    return { ok: true, value: { width, height } };
  }
  const detail = `Each side is ${MIN_SIDE_PX} to ${MAX_SIDE_PX} pixels.`;
  return { ok: false, failure: { code: "invalid_request", detail, path: "/size" } };
}

function ownSize({ width, height }: EditPictures["image"]): Sides {
  const scale = Math.min(1, Math.sqrt(MAX_EDIT_PIXELS / (width * height)));
  const side = (length: number): number => Math.min(MAX_SIDE_PX, Math.max(MIN_SIDE_PX, Math.floor(length * scale)));
  return { width: side(width), height: side(height) };
}

/** Members that are about the account and not the picture. */
const SILENT = new Set(["user", "safety_identifier", "moderation"]);

/** Values that ask for what is done anyway. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly unknown[]>> = {
  quality: ["auto"],
  background: ["auto", "opaque"],
  output_compression: [100],
};

/** Most members that a warning names. */
const MAX_NAMED = 10;

/** Names that had no effect. Only such as fit into a header are told. */
function ignoredMembers(body: ImagesBody, stream: boolean): readonly string[] {
  const unknown = Object.entries(body)
    .filter(([name, value]) => value !== undefined && value !== null && !KNOWN_MEMBERS.has(name) && !SILENT.has(name))
    .filter(([name, value]) => !WITHOUT_EFFECT[name]?.includes(value))
    .map(([name]) => name);
  const undelivered = stream && body.response_format === "url" ? ["response_format"] : [];
  return [...unknown, ...undelivered].filter((name) => /^[\w.-]{1,40}$/.test(name)).slice(0, MAX_NAMED);
}
