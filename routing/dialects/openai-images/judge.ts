/**
 * What an error of an OpenAI-shaped server means.
 *
 * Sources (providers.md §3a, §3b, §4.1): OpenAI's error codes; vLLM-Omni's and SGLang's `{detail}` and `{error}` bodies. vLLM-Omni
 * answers 400 "Model mismatch" when it serves another name than the one asked for, and our names carry the pin: that is drift.
 */
import type { AttemptFailure } from "../../failure/index.ts";
import type { Work } from "../dialect.ts";
import { type RefusalWord, refusalWord, refused } from "../refusal.ts";
import { overloaded, quotaExhausted, type UpstreamError } from "../upstream-error.ts";

const BLOCKED = ["moderation_blocked", "content_policy_violation", "content_filter"];
const BAD_KEY = ["invalid_api_key", "authentication_error", "invalid_authentication"];
const QUOTA = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"];
const FULL = ["rate_limit_exceeded", "rate_limit_error", "overloaded_error", "engine_overloaded"];
const GONE = ["model_not_found", "model_deprecated"];

/** The failure behind an error body; `undefined` leaves it to the status. */
export function judge(error: UpstreamError, work: Work): AttemptFailure | undefined {
  const { status, words } = error;
  const says = (list: readonly string[]): boolean => words.some((word) => list.includes(word));
  if (says(BLOCKED)) return refused(categoryOf(error.message) ?? "prompt");
  if (says(BAD_KEY)) return { reason: "unauthorized", status };
  if (says(QUOTA)) return quotaExhausted(error);
  if (says(GONE)) return { reason: "model_gone", status };
  if (says(FULL)) return overloaded(error);
  if (status === 400 && /^model mismatch/i.test(error.message ?? "")) return mismatch(error, work);
  return undefined;
}

/** First known category in `safety_violations=[sexual,violence]`. */
function categoryOf(message: string | undefined): RefusalWord | undefined {
  const list = /safety_violations[=:\s]*\[([^\]]*)\]/.exec(message ?? "")?.[1] ?? "";
  return list
    .split(",")
    .map(refusalWord)
    .find((word) => word !== undefined);
}

function mismatch(error: UpstreamError, work: Work): AttemptFailure {
  const served = /running '([\w.@/:+-]{1,120})'/.exec(error.message ?? "")?.[1];
  return { reason: "pin_mismatch", expected: work.model.pin, reported: served ?? "another model" };
}
