/** Small builders for replies, and readers for request bodies. */
import type { PictureFormat } from "./draw/picture.ts";
import type { Exchange, Render, Reply, Trouble } from "./exchange.ts";

/** Media type of each format. */
export const MEDIA_TYPES: Readonly<Record<PictureFormat, string>> = {
  png: "image/png",
  webp: "image/webp",
  jpeg: "image/jpeg",
};

/** A JSON reply; `headers` may override the content type. */
export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(value) };
}

/** Bytes as base64. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** The body as JSON; `undefined` when it is none. */
export function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** A multipart form, or `undefined` when the body is none. */
export async function readForm(exchange: Exchange): Promise<FormData | undefined> {
  const type = exchange.headers.get("content-type") ?? "";
  if (!type.toLowerCase().startsWith("multipart/form-data")) return undefined;
  try {
    return await new Response(exchange.body, { headers: { "content-type": type } }).formData();
  } catch {
    return undefined;
  }
}

/** The bytes of a file part; `undefined` when it is absent or a plain field. */
export async function fileOf(form: FormData, name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const part = form.get(name);
  return part instanceof File ? new Uint8Array(await part.arrayBuffer()) : undefined;
}

/** A plain form field; `undefined` when it is absent or a file. */
export function fieldOf(form: FormData, name: string): string | undefined {
  const part = form.get(name);
  return typeof part === "string" ? part : undefined;
}

/** The trouble that a render without pictures stands for; `undefined` when the client is gone and nothing need be said. */
export function troubleOf(render: Exclude<Render, { outcome: "drawn" }>): Trouble | undefined {
  switch (render.outcome) {
    case "full":
      return { kind: "rate-limited", message: "too many requests in flight", retryAfterS: render.retryAfterS };
    case "timed-out":
      return { kind: "timed-out", message: "the picture was not finished in time" };
    case "unreadable-image":
      return { kind: "invalid", message: "the given picture could not be read" };
    case "cancelled":
      return undefined;
  }
}

/** What is sent to a client that is gone: nobody sees it. */
export const NOBODY: Reply = { status: 499, headers: {}, body: "" };

/** The remaining time that the router sends along as `x-timeout-ms`; `undefined` when it does not. */
export function timeoutHeaderMs(exchange: Exchange): number | undefined {
  const header = Number(exchange.headers.get("x-timeout-ms"));
  return header > 0 ? header : undefined;
}

/** The key of an `authorization: Bearer …` header. */
export function bearerIn(headers: Headers): string | undefined {
  return /^Bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

/** Now, s since 1970, for fields like `created`. */
export function epochSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
