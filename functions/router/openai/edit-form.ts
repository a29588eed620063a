/**
 * The multipart body of an edit, part by part as it comes in.
 *
 * A field that cannot be right refuses the call at once, before the files behind it are read. Buffered are the fields and each file
 * once, as bytes, because an attempt that fails is made again elsewhere; 16 MiB in all.
 */
import {
  MaxFileSizeExceededError,
  MaxTotalSizeExceededError,
  MultipartParseError,
  parseMultipartRequest,
} from "@remix-run/multipart-parser";
import { type InlinePicture, type RequestFailure, type Result, sniffPicture } from "../../../routing/index.ts";
import { MAX_BODY_BYTES } from "../body.ts";
import { readMask } from "../read-mask.ts";
import type { EditPictures } from "./call.ts";

/** Longest field, bytes: a prompt of 32,000 characters in UTF-8. */
const MAX_FIELD_BYTES = 128 * 1024;

/** Most parts: every known member and as many pictures as OpenAI takes (16), with room for unknown ones. */
const MAX_PARTS = 64;

/** Most pictures of an edit, as OpenAI has it; a model may take fewer. */
export const MAX_IMAGES = 16;

export interface EditForm {
  /** Text fields by name; the last of a name counts. Numbers and booleans are read as such. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly pictures: EditPictures;
}

/** Why a field alone makes the call impossible; `undefined` when it does not. */
export type RefuseField = (name: string, value: unknown) => RequestFailure | undefined;

/** Reads the form. */
export async function readEditForm(
  request: Request,
  refuseField: RefuseField,
): Promise<Result<EditForm, RequestFailure>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) {
    return refuse("unsupported_media_type", "Send an edit as multipart/form-data.");
  }
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES) return refuse("payload_too_large", TOO_LARGE);
  const limits = { maxFileSize: MAX_BODY_BYTES, maxTotalSize: MAX_BODY_BYTES, maxParts: MAX_PARTS };
  const fields: Record<string, unknown> = {};
  const files: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[] = [];
  try {
    for await (const part of parseMultipartRequest(request, limits)) {
      const { name } = part;
      if (name === undefined) continue;
      if (part.isFile) {
        files.push({ name, bytes: part.bytes as Uint8Array<ArrayBuffer> });
        continue;
      }
      if (part.size > MAX_FIELD_BYTES) return refuse("payload_too_large", "A field is larger than 128 KiB.", name);
      const value = toValue(name, part.text);
      const refusal = refuseField(name, value);
      if (refusal !== undefined) return { ok: false, failure: refusal };
      fields[name] = value;
    }
  } catch (error: unknown) {
    const failure = failureOf(error);
    if (failure !== undefined) return { ok: false, failure };
  }
  const pictures = await toPictures(files);
  return pictures.ok ? { ok: true, value: { fields, pictures: pictures.value } } : pictures;
}

/** What a reader's error means; `undefined`: nothing, the form is whole. */
function failureOf(error: unknown): RequestFailure | undefined {
  if (error instanceof MaxFileSizeExceededError || error instanceof MaxTotalSizeExceededError) {
    return { code: "payload_too_large", detail: TOO_LARGE };
  }
  if (error instanceof MultipartParseError) {
    return error.message === AFTER_THE_END ? undefined : invalid("The form is broken.");
  }
  if (error instanceof TypeError) return invalid("The form holds text that is not UTF-8.");
  throw error;
}

/** The parser's words when a line break behind the last boundary comes in a chunk of its own, which is allowed (RFC 2046, epilogue). */
const AFTER_THE_END = "Unexpected data after end of stream";

const invalid = (detail: string): RequestFailure => ({ code: "invalid_request", detail, path: "" });

const TOO_LARGE = `The form is larger than ${MAX_BODY_BYTES / (1024 * 1024)} MiB.`;

/** Members that are no text, whose values forms can only write as text. */
const NUMBERS = new Set(["n", "partial_images", "seed", "steps", "guidance", "deadline_ms", "output_compression"]);

function toValue(name: string, text: string): unknown {
  if (text === "" || text === "null") return name === "prompt" ? text : null;
  if (NUMBERS.has(name)) return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
  if (name === "stream") return text === "true" ? true : text === "false" ? false : text;
  return text;
}

async function toPictures(
  files: readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[],
): Promise<Result<EditPictures, RequestFailure>> {
  const images = files.filter(({ name }) => /^image(?:\[\d*\])?$/.test(name));
  const [image, ...others] = images;
  if (image === undefined)
    return refuse("invalid_request", "An edit needs a picture: send a file as `image`.", "image");
  if (images.length > MAX_IMAGES) {
    return refuse(
      "invalid_request",
      `An edit takes ${MAX_IMAGES} pictures at most; ${images.length} were sent.`,
      "image",
    );
  }
  const picture = sniffed(image.bytes, "image");
  if (!picture.ok) return picture;
  const more: InlinePicture[] = [];
  for (const { bytes } of others) {
    const one = sniffed(bytes, "image");
    if (!one.ok) return one;
    more.push({ bytes, format: one.value.format });
  }
  const pictures = { image: picture.value, ...(more.length === 0 ? {} : { moreImages: more }) };
  const maskFile = files.find(({ name }) => name === "mask");
  if (maskFile === undefined) return { ok: true, value: pictures };
  const given = sniffed(maskFile.bytes, "mask");
  const mask = given.ok ? await readMask(given.value) : given;
  return mask.ok ? { ok: true, value: { ...pictures, mask: mask.value } } : mask;
}

function sniffed(bytes: Uint8Array<ArrayBuffer>, name: string): Result<EditPictures["image"], RequestFailure> {
  const info = sniffPicture(bytes);
  if (info === undefined || info === "need-more") {
    return refuse("invalid_request", "The picture is not PNG, JPEG or WebP.", name);
  }
  return { ok: true, value: { bytes, format: info.format, width: info.width, height: info.height } };
}

function refuse(code: RequestFailure["code"], detail: string, name?: string): Result<never, RequestFailure> {
  const path = name === undefined ? {} : { path: name === "" ? "" : `/${name}` };
  return { ok: false, failure: { code, detail, ...path } };
}
