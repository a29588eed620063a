/**
 * Several pictures of one request, drawn side by side. They stand or fall together: the first failure stops the others, because
 * nobody is answered with a part, and what is not drawn is not paid for.
 */
import type { Ask, CancelCause, Decided, RequestFailure } from "../../routing/index.ts";
import { type Drawn, drawDecided, seedOf } from "./make-picture.ts";
import type { RequestContext } from "./request-context.ts";

/** What became of all of them, in order; `failed` is the one that failed first. */
export interface DrawnAll {
  readonly drawn: readonly Drawn[];
  readonly failed?: Drawn & { readonly result: { readonly ok: false; readonly failure: RequestFailure } };
}

export interface DrawAll {
  readonly ask: Ask;
  readonly decided: Decided;
  readonly context: RequestContext;
  /** How many, 1…10. */
  readonly count: number;
}

/** Draws them. */
export async function drawAll({ ask, decided, context, count }: DrawAll): Promise<DrawnAll> {
  const stop = new AbortController();
  const signal = count === 1 ? context.signal : AbortSignal.any([context.signal, stop.signal]);
  let failed: DrawnAll["failed"];
  const drawn = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const one = await drawDecided({
        ask,
        decided,
        context: { ...context, signal },
        index,
        seed: seedOf(decided, index),
        pictures: count,
      });
      if (!one.result.ok && failed === undefined) {
        failed = { ...one, result: one.result };
        stop.abort("revoked" satisfies CancelCause);
      }
      return one;
    }),
  );
  return failed === undefined ? { drawn } : { drawn, failed };
}
