/**
 * Answers a decided request with server-sent events. What the events are called is the caller's; what happens when is progress.ts's.
 *
 * The status is 200 before anything was drawn, so everything that can be refused must have been refused before.
 */
import type { Ask, CancelCause, Decided } from "../../../routing/index.ts";
import { platformClock } from "../adapters/clock.ts";
import { decisionHeaders } from "../answer-headers.ts";
import { decideQuietly, drawDecided, seedOf } from "../make-picture.ts";
import type { RequestContext } from "../request-context.ts";
import { planDraft } from "./draft.ts";
import { eventStream, type ServerEvent } from "./event-stream.ts";
import { type Draw, type Progress, showProgress } from "./progress.ts";

export interface StreamAsk {
  readonly ask: Ask;
  readonly decided: Decided;
  readonly context: RequestContext;
  /** How many pictures, 1…10. */
  readonly count: number;
  /** `false`: the caller wants no previews, whatever the policy says. */
  readonly wantsPreview: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  toEvents(progress: Progress): readonly ServerEvent[] | Promise<readonly ServerEvent[]>;
}

/** The event stream of a request. */
export function streamPictures({ ask, decided, context, count, ...options }: StreamAsk): Response {
  const { requestId, snapshot } = context;
  const left = new AbortController();
  const signal = AbortSignal.any([context.signal, left.signal]);
  const seeds = Array.from({ length: count }, (_, index) => seedOf(decided, index));
  const [firstSeed = 0] = seeds;
  const draft = options.wantsPreview
    ? planDraft({ snapshot, ask, decided, decide: (draftAsk) => decideQuietly(draftAsk, context) })
    : undefined;
  const drawingOf =
    (drawing: { ask: Ask; decided: Decided; index: number; seed: number; id?: string }): Draw =>
    (stop) =>
      drawDecided({
        ...drawing,
        pictures: count,
        context: { ...context, signal: stop, requestId: drawing.id ?? requestId },
      });
  const happenings = showProgress({
    pictures: seeds.map((seed, index) => drawingOf({ ask, decided, index, seed })),
    ...(draft === undefined
      ? {}
      : { draft: drawingOf({ ...draft, index: 0, seed: firstSeed, id: `${requestId}-draft` }) }),
    signal,
  });
  return eventStream(mapEvents(happenings, options.toEvents), {
    clock: platformClock,
    headers: {
      ...decisionHeaders({ requestId, snapshot, classified: decided.classified, seed: firstSeed }),
      ...options.headers,
    },
    onGone: () => left.abort("client_gone" satisfies CancelCause),
    background: context.background,
  });
}

async function* mapEvents(
  happenings: AsyncGenerator<Progress>,
  toEvents: StreamAsk["toEvents"],
): AsyncGenerator<ServerEvent> {
  for await (const progress of happenings) yield* await toEvents(progress);
}
