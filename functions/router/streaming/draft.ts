/**
 * The fast draft that a streaming client sees while its picture renders: what to draw, where the policy names a draft model.
 *
 * A draft is tried once and on its first leg only: it is worth its price while it is early. Fails open: no draft, no harm.
 */
import type { Ask, Decided, Decider, Model, Policy, Snapshot } from "../../../routing/index.ts";

/** Most pixels of a draft: one megapixel, what the fast models draw in a second. */
const MAX_DRAFT_PIXELS = 1024 * 1024;

export interface DraftAsk {
  readonly ask: Ask;
  readonly decided: Decided;
}

export interface DraftInput extends DraftAsk {
  readonly snapshot: Snapshot;
  /** The same decision as for the picture. */
  decide(ask: Ask): ReturnType<Decider>;
}

/** The draft's own ask and decision; `undefined` where there is none to draw. */
export function planDraft({ snapshot, ask, decided, decide }: DraftInput): DraftAsk | undefined {
  const { policy } = decided.plan;
  const model = snapshot.content.catalog.models[policy.progressive?.draft ?? ""];
  if (model === undefined || model.id === decided.classified.model) return undefined;
  const draftAsk = toDraftAsk(ask, decided, model);
  const decidedDraft = decide(draftAsk);
  if (!decidedDraft.ok) return undefined;
  const { plan } = decidedDraft.value;
  const once: Policy = { ...plan.policy, maxAttempts: 1, priority: policy.priority, fallback: [] };
  return {
    ask: draftAsk,
    decided: { ...decidedDraft.value, plan: { ...plan, policy: once, legs: plan.legs.slice(0, 1) } },
  };
}

/** The same picture by another model, smaller. Steps and guidance were meant for the other; a session's newest is not a draft. */
function toDraftAsk(ask: Ask, decided: Decided, model: Model): Ask {
  const { steps: _steps, guidance: _guidance, session: _session, layer: _layer, format: _format, ...rest } = ask;
  return {
    ...rest,
    ...draftSize(decided.size, model),
    preferredFormat: decided.format,
    purpose: decided.classified.purpose,
    model: model.id,
  };
}

function draftSize({ width, height }: Decided["size"], { capabilities }: Model): Decided["size"] {
  const limit = Math.min(MAX_DRAFT_PIXELS, capabilities.maxPixels);
  const scale = Math.min(1, Math.sqrt(limit / (width * height)));
  const shrink = (side: number): number => Math.max(1, Math.floor(side * scale));
  return { width: shrink(width), height: shrink(height) };
}
