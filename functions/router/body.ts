/**
 * A JSON request body, bounded before it is understood: length, nesting depth, and being JSON at all.
 *
 * A length that is announced is refused unread; one that is not is counted while it comes in.
 */
import type { RequestFailure, Result } from "../../routing/index.ts";

/** Most bytes of a request body. design.md: reference pictures travel inline. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Deepest nesting taken. The API's own bodies need three. */
const MAX_JSON_DEPTH = 16;

/** Reads and parses the body. */
export async function readJson(request: Request): Promise<Result<unknown, RequestFailure>> {
  const type = request.headers.get("content-type");
  if (type !== null && !/^application\/(?:[\w.+-]+\+)?json\b/i.test(type)) {
    return refuse("unsupported_media_type", "Send the body as application/json.");
  }
  const announced = Number(request.headers.get("content-length") ?? Number.NaN);
  if (announced > MAX_BODY_BYTES) return refuse("payload_too_large", TOO_LARGE);
  const text = Number.isNaN(announced) ? await readCounted(request) : await request.text();
  if (text === undefined) return refuse("payload_too_large", TOO_LARGE);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse("invalid_request", "The body is not JSON.", "");
  }
  if (isDeeperThan(value, MAX_JSON_DEPTH)) {
    return refuse("invalid_request", `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`, "");
  }
  return { ok: true, value };
}

const TOO_LARGE = `The body is larger than ${MAX_BODY_BYTES / (1024 * 1024)} MiB.`;

function refuse(code: RequestFailure["code"], detail: string, path?: string): Result<never, RequestFailure> {
  return { ok: false, failure: { code, detail, ...(path === undefined ? {} : { path }) } };
}

/** The body as text, or `undefined` as soon as it is over the limit. */
async function readCounted(request: Request): Promise<string | undefined> {
  if (request.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Walks level by level, so that depth costs no stack. */
function isDeeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== "object" || item === null) continue;
      if (depth >= limit) return true;
      for (const child of Object.values(item)) if (typeof child === "object" && child !== null) next.push(child);
    }
    level = next;
  }
  return false;
}
