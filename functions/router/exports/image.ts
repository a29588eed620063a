/**
 * `GET /v1/exports/{id}/image`: the stored bytes, with validators and ranges (RFC 9110 §13, §14), straight from the object store.
 */

import { MEDIA_TYPES } from "../../../routing/index.ts";
import type { JobRecord } from "../../exports/job-store.ts";
import type { Env } from "../environment.ts";
import { problemResponse } from "../problem.ts";
import { parseRange } from "./byte-range.ts";

export interface ImageAsk {
  readonly record: JobRecord;
  readonly env: Env;
  readonly request: Request;
  readonly requestId: string;
}

/** The picture; `not_found` where it is not there any more. */
export async function imageResponse({ record, env, request, requestId }: ImageAsk): Promise<Response> {
  const { job, order } = record;
  const { picture } = job;
  if (picture === undefined)
    return problemResponse({ code: "not_found", detail: "There is no picture." }, { requestId });
  const etag = `"${picture.sha256}"`;
  const headers = new Headers({
    etag,
    "accept-ranges": "bytes",
    "cache-control": "private, max-age=31536000, immutable",
    "galley-request-id": requestId,
    "galley-route": order.route,
    "galley-config": picture.config,
    "galley-model":
      picture.pin === "unverified" ? `${picture.model}@unverified` : verifiedName(picture.model, picture.pin),
    "galley-region": picture.place,
    "galley-endpoint": picture.endpoint,
    "galley-seed": String(picture.seed),
    "galley-cost-usd": String(Number(job.costUsd.toFixed(6))),
    ...(picture.degraded === undefined ? {} : { "galley-degraded": picture.degraded }),
  });
  if (matches(request.headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers });

  headers.set("content-type", MEDIA_TYPES[picture.format]);
  headers.set("repr-digest", `sha-256=:${Uint8Array.fromHex(picture.sha256).toBase64()}:`);
  const wantsFile = new URL(request.url).searchParams.has("download");
  headers.set(
    "content-disposition",
    `${wantsFile ? "attachment" : "inline"}; filename="export-${order.terms.id}.${picture.format}"`,
  );
  const ifRange = request.headers.get("if-range");
  const asked = ifRange === null || ifRange === etag ? request.headers.get("range") : null;
  const range = parseRange(asked, picture.bytes);
  if (range === "unsatisfiable") {
    headers.set("content-range", `bytes */${picture.bytes}`);
    headers.delete("content-type");
    return new Response(null, { status: 416, headers });
  }
  const { offset, length } = range ?? { offset: 0, length: picture.bytes };
  headers.set("content-length", String(length));
  if (range !== undefined) headers.set("content-range", `bytes ${offset}-${offset + length - 1}/${picture.bytes}`);
  const status = range === undefined ? 200 : 206;
  if (request.method === "HEAD") return new Response(null, { status, headers });
  const found = await env.IMAGES.get(picture.key, range === undefined ? {} : { range });
  if (found === null)
    return problemResponse({ code: "not_found", detail: "The picture is not kept any more." }, { requestId });
  return new Response(found.body, { status, headers });
}

const verifiedName = (model: string, pin: string): string => (pin.startsWith(`${model}@`) ? pin : `${model}@${pin}`);

function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.trim() === "*" || header.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}
