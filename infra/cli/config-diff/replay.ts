/**
 * The same requests through two snapshots, by the very functions that decide in the router: who is served otherwise, at what cost and
 * how fast. Pure; what it predicts is the first leg's list price and median time, by measured quantiles where they are given.
 */
import {
  createDecider,
  type Decided,
  type DecideInput,
  listPriceUsd,
  type RequestFailure,
  type Result,
  type Snapshot,
} from "../../../routing/authoring.ts";
import { type Recorded, toDecideInput } from "./recording.ts";

/** Where a request goes, as far as an owner cares. */
export interface Served {
  readonly route: string;
  readonly model: string;
  readonly region: string;
  readonly policy: string;
  /** The other legs: `sibling-region sd35-medium@enam`. */
  readonly fallbacks: string;
  /** List price of the first leg, USD. */
  readonly costUsd: number;
  /** Upper quartile of the first leg's time, ms: what the plan counts with. */
  readonly latencyMs: number;
}

export type Fate = { readonly ok: true; readonly served: Served } | { readonly ok: false; readonly code: string };

export interface Compared {
  readonly before: Fate;
  readonly after: Fate;
  readonly changed: boolean;
}

type Measured = NonNullable<DecideInput["measured"]>;

/** Compares two snapshots request by request. */
export function createComparison(before: Snapshot, after: Snapshot, measured?: Measured): (one: Recorded) => Compared {
  const deciders = [createDecider(before), createDecider(after)] as const;
  const fateOf = (at: 0 | 1, snapshot: Snapshot, input: DecideInput) =>
    toFate(deciders[at]({ ...input, ...(measured === undefined ? {} : { measured }) }), snapshot);
  return (one) => {
    const input = toDecideInput(one);
    const fates = { before: fateOf(0, before, input), after: fateOf(1, after, input) };
    return { ...fates, changed: fateKey(fates.before) !== fateKey(fates.after) };
  };
}

function toFate(decided: Result<Decided, RequestFailure>, { content }: Snapshot): Fate {
  if (!decided.ok) return { ok: false, code: decided.failure.code };
  const { classified, plan, size, home } = decided.value;
  const [first, ...rest] = plan.legs;
  const model = content.catalog.models[first?.model ?? classified.model];
  return {
    ok: true,
    served: {
      route: classified.route,
      model: first?.model ?? classified.model,
      region: first?.place ?? home,
      policy: classified.policy,
      fallbacks: rest.map(({ kind, model: name, place }) => `${kind} ${name}@${place}`).join(" → "),
      costUsd: model === undefined ? 0 : listPriceUsd(model, size.width * size.height),
      latencyMs: first?.minMs ?? 0,
    },
  };
}

/** What makes a difference to who serves. */
function fateKey(fate: Fate): string {
  if (!fate.ok) return fate.code;
  const { route, model, region, policy, fallbacks } = fate.served;
  return [route, model, region, policy, fallbacks].join("\n");
}

/** `preview: sd35-medium in weur`, or why not. */
export function fateWords(fate: Fate): string {
  if (!fate.ok) return `refused (${fate.code})`;
  const { route, model, region, policy } = fate.served;
  return `${route}: ${model} in ${region} under ${policy}`;
}

/** How much traffic goes where. Shares 0…1 of all requests. */
export interface Shares {
  readonly before: number;
  readonly after: number;
}

export interface Replay {
  readonly requests: number;
  /** Share that is served otherwise, 0…1. */
  readonly moved: number;
  readonly refused: Shares;
  readonly routes: Readonly<Record<string, Shares>>;
  readonly models: Readonly<Record<string, Shares>>;
  readonly regions: Readonly<Record<string, Shares>>;
  /** Means of the requests that are served, by list price and the plan's times. */
  readonly costUsd: { readonly before: number; readonly after: number };
  readonly latencyMs: { readonly before: number; readonly after: number };
}

/** Sums up. */
export function sumUp(compared: readonly Compared[]): Replay {
  const count = compared.length;
  const shareOf = (pick: (one: Compared) => boolean) => (count === 0 ? 0 : compared.filter(pick).length / count);
  const by = (pick: (served: Served) => string) => sharesBy(compared, pick);
  const mean = (side: "before" | "after", pick: (served: Served) => number) => {
    const values = compared.flatMap((one) => (one[side].ok ? [pick(one[side].served)] : []));
    return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const means = (pick: (served: Served) => number) => ({ before: mean("before", pick), after: mean("after", pick) });
  return {
    requests: count,
    moved: shareOf(({ changed }) => changed),
    refused: { before: shareOf(({ before }) => !before.ok), after: shareOf(({ after }) => !after.ok) },
    routes: by(({ route }) => route),
    models: by(({ model }) => model),
    regions: by(({ region }) => region),
    costUsd: means(({ costUsd }) => costUsd),
    latencyMs: means(({ latencyMs }) => latencyMs),
  };
}

function sharesBy(compared: readonly Compared[], pick: (served: Served) => string): Record<string, Shares> {
  const counts = new Map<string, { before: number; after: number }>();
  for (const one of compared) {
    for (const side of ["before", "after"] as const) {
      const fate = one[side];
      if (!fate.ok) continue;
      const name = pick(fate.served);
      const tally = counts.get(name) ?? { before: 0, after: 0 };
      tally[side] += 1 / compared.length;
      counts.set(name, tally);
    }
  }
  return Object.fromEntries([...counts].sort(([one], [other]) => (one < other ? -1 : 1)));
}
