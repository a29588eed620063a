/**
 * Stability's answers: raw bytes with the facts in headers, errors as `{id, name, errors}`.
 *
 * Source: Stability's v2beta reference (providers.md §3c). `finish-reason: CONTENT_FILTERED` comes with status 200 and a blurred
 * picture: a refusal. 403 is a refusal too when its name says `content_moderation`, otherwise a matter of the key.
 */
import type { AttemptFailure } from "../../failure/index.ts";
import type { Size } from "../../image/size.ts";
import { costOf } from "../cost.ts";
import type { Reading, ResponseHead, Work } from "../dialect.ts";
import { refused } from "../refusal.ts";
import { bodyKind, isSuccess, unreadable } from "../success.ts";
import { errorReading, type UpstreamError } from "../upstream-error.ts";

/** What was asked: the seed as sent (undefined: none was) and the size that the price goes by, px. */
export interface Asked {
  readonly work: Work;
  readonly sentSeed: number | undefined;
  readonly size: Size;
}

/** Reads a picture, or the error in its place. */
export function receivePicture(head: ResponseHead, asked: Asked): Reading {
  if (!isSuccess(head)) return errorReading(head, asked.work, judge);
  const finish = head.headers.get("finish-reason")?.trim().toUpperCase();
  if (finish === "CONTENT_FILTERED") return { read: "nothing", failure: refused("picture") };
  const kind = bodyKind(head);
  if (kind !== "picture") return unreadable(kind);
  const seed = reportedSeed(head.headers.get("seed"), asked);
  const costUsd = costOf(asked.work.model, asked.size);
  return {
    read: "picture",
    reported: { ...(seed === undefined ? {} : { seed }), ...(costUsd === undefined ? {} : { costUsd }) },
  };
}

/** The upstream's echo in the caller's terms: what stood in for a caller's 0 is that 0 again (`seedToSend`). */
function reportedSeed(header: string | null, asked: Asked): number | undefined {
  const echo = /^\d{1,10}$/.test(header?.trim() ?? "") ? Number(header) : asked.sentSeed;
  return echo !== undefined && echo === asked.sentSeed ? asked.work.request.seed : echo;
}

/** Largest seed that Stability takes; callers' seeds end at 2^31−1, so it can stand in for one of theirs. */
const MAX_SEED = 4_294_967_294;

/** Stability reads 0 as "draw one": a caller's 0 is sent as a number that no caller can send. */
export function seedToSend(seed: number): number {
  return seed === 0 ? MAX_SEED : seed;
}

/** What an error's name means; `undefined` leaves it to the status. */
export function judge(error: UpstreamError): AttemptFailure | undefined {
  return error.words.includes("content_moderation") ? refused("prompt") : undefined;
}
