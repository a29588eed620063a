/**
 * What an error of an OpenAI-shaped server means.
 *
 * Sources (providers.md §3a, §3b, §4.1): OpenAI's error codes; vLLM-Omni's and SGLang's `{detail}` and `{error}` bodies. vLLM-Omni
 * answers 400 "Model mismatch" when it serves another name than the one asked for, and our names carry the pin: that is drift. Neither
 * filters content by default (§3a); what stands in front of them and does says so in `detail`, in words.
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

/** Servers without a code for it say in words that they refused the content. Diffusers' checker speaks of NSFW. */
const REFUSED_IN_WORDS =
  /\b(?:content[ _-](?:policy|filter|moderation)|safety[ _-](?:policy|check(?:er)?|filter|system)|moderation|nsfw)\b/i;
const REFUSING: readonly number[] = [400, 403, 422];

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
  return refusesInWords(error, work) ? refused("prompt") : undefined;
}

/** Not where the prompt itself says so: a server that repeats it in a complaint about something else refuses nothing. */
function refusesInWords({ status, message }: UpstreamError, { request }: Work): boolean {
  return REFUSING.includes(status) && REFUSED_IN_WORDS.test(message ?? "") && !REFUSED_IN_WORDS.test(request.prompt);
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
