/**
 * Workers AI's error codes: as HTTP statuses for the binding, which only throws, and as failures.
 *
 * Source: developers.cloudflare.com/workers-ai/platform/errors (2026-07); 3030, the prompt filter, is in public reports only.
 */
import type { AttemptFailure } from "../../failure/index.ts";
import { refused } from "../refusal.ts";
import { overloaded, quotaExhausted, type UpstreamError } from "../upstream-error.ts";

const STATUS_OF_CODE: Readonly<Record<number, number>> = {
  3003: 400,
  3006: 413,
  3007: 408,
  3008: 408,
  3023: 403,
  3030: 400,
  3036: 429,
  3039: 400,
  3040: 429,
  3041: 403,
  3042: 404,
  5004: 400,
  5005: 405,
  5006: 400,
  5007: 400,
  5016: 403,
  5018: 403,
  5019: 405,
};

/** HTTP status of a code, 500 for one that is not in the table. */
export function statusOfCode(code: number | undefined): number {
  return code === undefined ? 500 : (STATUS_OF_CODE[code] ?? 500);
}

/** The failure behind a code; `undefined` leaves it to the status. */
export function judge(error: UpstreamError): AttemptFailure | undefined {
  const { status } = error;
  for (const code of error.codes) {
    switch (code) {
      case 3030:
        return refused("prompt");
      // "You have used up your daily free allocation."
      case 3036:
        return quotaExhausted(error);
      case 3040:
        return overloaded(error);
      case 3007:
      case 3008:
        return { reason: "upstream_timeout", status };
      // "No such model" is a 400.
      case 5007:
      case 3042:
        return { reason: "model_gone", status };
    }
  }
  return undefined;
}
