/**
 * The two ways in which a small answer settles: it failed, or it asks for another call.
 *
 * The contract's discriminant is called `then`; it is always a string, so nothing mistakes these values for promises.
 */
import type { AttemptFailure } from "../failure/index.ts";
import type { Settled, Step } from "./dialect.ts";

/** It failed. */
export function failed(failure: AttemptFailure): Settled {
  // biome-ignore lint/suspicious/noThenProperty: the contract's discriminant, a string
  return { then: "failed", failure };
}

/** Another call is needed. */
export function nextStep(step: Step): Settled {
  // biome-ignore lint/suspicious/noThenProperty: the contract's discriminant, a string
  return { then: "step", step };
}
