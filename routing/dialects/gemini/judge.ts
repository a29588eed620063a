/**
 * What a Gemini error status means (`google.rpc.Status`), and which "success" is a refusal.
 *
 * Sources: providers.md §1.4 (block and finish reasons of `@google/genai`), §1.5 (errors). An invalid key is a 400 with the reason
 * `API_KEY_INVALID`; 429 is either a rate, with a `RetryInfo`, or a daily quota, told apart by `quotaId`.
 */
import type { AttemptFailure } from "../../failure/index.ts";
import { listAt, textAt, valueAt } from "../read-json.ts";
import { type RefusalWord, refusalWord, refused } from "../refusal.ts";
import { durationMs } from "../retry-after.ts";
import { overloaded, quotaExhausted, type UpstreamError } from "../upstream-error.ts";

/** Finish reasons that are a policy's word; the others (NO_IMAGE, IMAGE_OTHER, OTHER, …) are failures of the model. */
const POLICY_FINISHES = [
  "SAFETY",
  "BLOCKLIST",
  "PROHIBITED_CONTENT",
  "SPII",
  "RECITATION",
  "IMAGE_SAFETY",
  "IMAGE_PROHIBITED_CONTENT",
  "IMAGE_RECITATION",
];

/** The failure behind an error body; `undefined` leaves it to the status. */
export function judge(error: UpstreamError): AttemptFailure | undefined {
  const { status, words } = error;
  if (words.some((word) => word.startsWith("api_key_"))) return { reason: "unauthorized", status };
  // FAILED_PRECONDITION: the project's billing or its region, nothing about the picture.
  if (words.includes("failed_precondition")) return { reason: "unauthorized", status };
  if (status === 429 || words.includes("resource_exhausted")) return judgeExhausted(error);
  return undefined;
}

function judgeExhausted(error: UpstreamError): AttemptFailure {
  const ofType = (type: string): readonly unknown[] =>
    error.details.filter((detail) => textAt(detail, "@type")?.endsWith(`google.rpc.${type}`) === true);
  const violations = ofType("QuotaFailure").flatMap((detail) => listAt(detail, "violations"));
  const isLong = violations.some(
    (violation) =>
      /PerDay|PerMonth/i.test(textAt(violation, "quotaId") ?? "") || valueAt(violation, "quotaValue") === "0",
  );
  const waitMs = ofType("RetryInfo")
    .map((detail) => durationMs(textAt(detail, "retryDelay")))
    .find((ms) => ms !== undefined);
  // A day's quota also comes with a RetryInfo of seconds, which is of no use.
  return isLong ? quotaExhausted(error) : overloaded(error, waitMs ?? error.retryAfterMs);
}

/** The refusal that came with status 200; `undefined` when there is none. That there is no picture the reader sees for itself. */
export function judgeSuccess(document: unknown): AttemptFailure | undefined {
  const feedback = valueAt(document, "promptFeedback");
  const blockReason = textAt(feedback, "blockReason");
  if (blockReason !== undefined && blockReason !== "BLOCKED_REASON_UNSPECIFIED") {
    return refused(blockedCategory(feedback) ?? refusalWord(blockReason) ?? "prompt");
  }
  const candidate = valueAt(document, "candidates", 0);
  const finish = textAt(candidate, "finishReason") ?? "";
  if (POLICY_FINISHES.includes(finish)) return refused(blockedCategory(candidate) ?? refusalWord(finish) ?? "picture");
  return undefined;
}

/** The harm category that blocked, where the safety ratings name it. */
function blockedCategory(rated: unknown): RefusalWord | undefined {
  const blocked = listAt(rated, "safetyRatings").find((rating) => valueAt(rating, "blocked") === true);
  return refusalWord(textAt(blocked, "category") ?? "");
}
