/**
 * The head of an answer with a success status: which kind of body follows, by its content type.
 *
 * Bytes without a type, or with a vague one, count as the picture: its signature is checked further on.
 */
import type { AttemptFailure, ResponseDefect } from "../failure/index.ts";
import type { Reading, ResponseHead } from "./dialect.ts";

export type BodyKind = "picture" | "json" | "html" | "text";

/** What the body is said to be. */
export function bodyKind(head: ResponseHead): BodyKind {
  const type = (head.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/json" || type.endsWith("+json") || type === "text/json") return "json";
  if (type === "text/html" || type === "application/xhtml+xml") return "html";
  if (type.startsWith("text/")) return "text";
  return "picture";
}

/** A status with which the picture, or a JSON document about it, may come. */
export function isSuccess(head: ResponseHead): boolean {
  return head.status === 200 || head.status === 201;
}

/** A success status whose body is not what was promised. */
export function badResponse(defect: ResponseDefect): AttemptFailure {
  return { reason: "bad_response", defect };
}

/** Gives up on the body. */
export function unreadable(kind: BodyKind): Reading {
  return { read: "nothing", failure: badResponse(kind === "html" ? "html" : "unexpected_type") };
}
