/**
 * What a streaming client is told, in order: a draft while there is nothing better, each picture as it is ready, or the failure.
 *
 * The draft is drawn beside the pictures and thrown away as soon as the picture that it stands for is there: aborted where it still
 * runs, its cost told with the picture either way. The first failure ends the request and stops what still runs. State: the request's.
 */
import type { CancelCause, Picture, RequestFailure } from "../../../routing/index.ts";
import type { Drawn } from "../make-picture.ts";

type Success = Extract<Drawn["result"], { ok: true }>;

/** Something for the client. `index` counts the request's pictures from 0. */
export type Progress =
  | { readonly happened: "preview"; readonly index: number; readonly drawn: Drawn; readonly result: Success }
  /** `draft` is what was drawn, or begun, in its place. */
  | {
      readonly happened: "picture";
      readonly index: number;
      readonly drawn: Drawn;
      readonly result: Success;
      readonly draft?: Drawn;
    }
  | { readonly happened: "failed"; readonly failure: RequestFailure; readonly drawn: Drawn }
  /** The end of a request that went well. `costUsd` is that of all attempts of all pictures and of the draft. */
  | { readonly happened: "done"; readonly pictures: number; readonly costUsd: number };

/** Everything that was drawn for what is told: the picture, then its draft. */
export function drawnTogether(
  told: Extract<Progress, { happened: "preview" | "picture" }>,
): readonly [Drawn, ...Drawn[]] {
  return told.happened === "picture" && told.draft !== undefined ? [told.drawn, told.draft] : [told.drawn];
}

/** Draws one thing; stops when `signal` aborts. Never rejects for what upstreams do. */
export type Draw = (signal: AbortSignal) => Promise<Drawn>;

export interface ProgressInput {
  /** One a picture. */
  readonly pictures: readonly Draw[];
  /** A draft of the first picture. */
  readonly draft?: Draw;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

type Happening =
  | { readonly of: "draft"; readonly drawn: Drawn }
  | { readonly of: "picture"; readonly index: number; readonly drawn: Drawn };

/** Draws, and tells. Ends what still runs when the reader stops reading. */
export async function* showProgress({ pictures, draft, signal }: ProgressInput): AsyncGenerator<Progress> {
  const stopAll = new AbortController();
  const stopDraft = new AbortController();
  const rendering = new Map<number, Promise<Happening>>();
  pictures.forEach((draw, index) => {
    const drawing = draw(AbortSignal.any([signal, stopAll.signal]));
    rendering.set(
      index,
      drawing.then((drawn) => ({ of: "picture", index, drawn })),
    );
  });
  const drafting = draft?.(AbortSignal.any([signal, stopAll.signal, stopDraft.signal]));
  let untoldDraft: Promise<Happening> | undefined = drafting?.then((drawn) => ({ of: "draft", drawn }));

  let costUsd = 0;
  try {
    while (rendering.size > 0) {
      const came = await Promise.race([...rendering.values(), ...(untoldDraft === undefined ? [] : [untoldDraft])]);
      const { drawn } = came;
      const { result } = drawn;
      if (came.of === "draft") {
        untoldDraft = undefined;
        if (result.ok) yield { happened: "preview", index: 0, drawn, result };
        continue;
      }
      rendering.delete(came.index);
      if (!result.ok) {
        yield { happened: "failed", failure: result.failure, drawn };
        return;
      }
      const ended = came.index === 0 ? await endDraft() : undefined;
      costUsd += result.costUsd + (ended?.result.costUsd ?? 0);
      yield { happened: "picture", index: came.index, drawn, result, ...(ended === undefined ? {} : { draft: ended }) };
    }
    yield { happened: "done", pictures: pictures.length, costUsd };
  } finally {
    stopAll.abort(signal.aborted ? signal.reason : "revoked");
  }

  /** Stops the draft where it still runs; what came of it. */
  async function endDraft(): Promise<Drawn | undefined> {
    if (drafting === undefined) return undefined;
    stopDraft.abort("lost_race" satisfies CancelCause);
    const drawn = await drafting;
    if (untoldDraft !== undefined && drawn.result.ok) await discard(drawn.result.picture);
    untoldDraft = undefined;
    return drawn;
  }
}

/** Nobody will look at it: its upstream may stop sending. */
async function discard(picture: Picture): Promise<void> {
  await picture.body.cancel().catch(() => undefined);
}
