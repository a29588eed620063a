/**
 * Which faults are switched on, and which one strikes a given request. Pure but for its own list; chance is seeded.
 *
 * A rule is set for an endpoint id, for a prefix of ids or a place (`weur`), or for `*`; the most exact target wins.
 */
import { z } from "zod";
import { type Chance, chanceFrom } from "./chance.ts";
import type { SimulatedEndpoint } from "./endpoint.ts";

/** Every way to misbehave, and what a client sees. */
export const FAULTS = {
  refuse: "the connection is reset at once, before any work (one shared port cannot refuse for one endpoint)",
  "reset-before-headers": "the connection is reset after the GPU's work, before the first byte",
  "reset-after-headers": "headers and half of the body, then a reset, which may take with it what was not read yet",
  "cut-after-headers": "headers and half of the body, all of which arrive, then the end of the connection",
  "stall-before-headers": "the request is taken and never answered",
  "stall-after-headers": "headers and some bytes, then silence",
  "slow-drip": "the body comes in small pieces over durationMs",
  slow: "GPU time × factor",
  "429": "too many requests, with Retry-After (retryAfterS)",
  quota: "the quota of the key is used up",
  unauthorized: "the key is not accepted",
  "500": "the model crashed",
  "503": "unavailable",
  "504": "timed out on the server",
  "model-gone": "the model is not there (404)",
  refused: "the content policy refuses every prompt",
  "garbage-json": "200 with JSON that breaks off",
  "empty-data": "200 without any picture in it",
  "html-200": "200 with a web page",
  truncated: "a picture that ends too early, in a well-formed answer",
  "garbage-picture": "random bytes where the picture should be",
  black: "a picture that is all black",
  "wrong-dimensions": "a picture of half the size",
  "wrong-pin": "another version is reported (and listed under /v1/models)",
  "url-gone": "the picture's URL answers 403 (dialects that answer with a URL)",
} as const;

/** The name of one way to misbehave. */
export type FaultKind = keyof typeof FAULTS;
const KINDS = Object.keys(FAULTS) as [FaultKind, ...FaultKind[]];

const FaultRule = z.strictObject({
  kind: z.enum(KINDS),
  /** Share of requests that are struck, 0…1; default all. */
  share: z.number().min(0).max(1).optional(),
  /** Ends after so many strikes; default never. */
  count: z.int().min(1).optional(),
  /** `work`: calls that make pictures (default); `all`: health and model lists too (default for `refuse`). */
  scope: z.enum(["work", "all"]).optional(),
  /** For `429`, s; default 2. */
  retryAfterS: z.number().min(0).optional(),
  /** For `slow`; default 5. */
  factor: z.number().min(0).optional(),
  /** For `slow-drip`, ms, multiplied by the time scale; default 30 s. */
  durationMs: z.number().min(0).optional(),
});
/** One fault as it is switched on. */
export type Fault = Readonly<z.infer<typeof FaultRule>>;

const FaultRules = z.union([FaultRule.transform((rule) => [rule]), z.array(FaultRule).max(32)]);

/** Faults from a JSON value, or what is wrong with it. */
export function parseFaults(value: unknown): { readonly faults: readonly Fault[] } | { readonly problem: string } {
  const parsed = FaultRules.safeParse(value);
  if (parsed.success) return { faults: parsed.data };
  return {
    problem: `expected {"kind": …} or a list of them; kinds: ${KINDS.join(", ")}. ${z.prettifyError(parsed.error)}`,
  };
}

/** The faults that are on. */
export interface FaultBook {
  /** Replaces the faults of a target. */
  set(target: string, faults: readonly Fault[]): void;
  /** Switches a target's faults off; without a target, all. */
  clear(target?: string): void;
  /** The fault that strikes this request, if any; counts it. */
  strike(endpoint: SimulatedEndpoint, isWork: boolean): Fault | undefined;
  /** Is a fault of this kind switched on for the endpoint? Counts nothing. */
  isOn(endpoint: SimulatedEndpoint, kind: FaultKind): boolean;
  list(): Readonly<Record<string, readonly Fault[]>>;
}

interface Active {
  readonly fault: Fault;
  strikesLeft: number;
  readonly chance: Chance;
}

/** An empty book; `seed` decides which requests a share strikes. */
export function createFaultBook(seed: number): FaultBook {
  const targets = new Map<string, readonly Active[]>();

  const rulesFor = (endpoint: SimulatedEndpoint): readonly Active[] => {
    const exact = targets.get(endpoint.id);
    if (exact) return exact;
    const broader = [...targets.keys()]
      .filter((target) => target === endpoint.place || endpoint.id.startsWith(`${target}-`))
      .sort((one, other) => other.length - one.length);
    return targets.get(broader[0] ?? "*") ?? [];
  };

  return {
    set(target, faults) {
      const active = faults.map((fault, index) => ({
        fault,
        strikesLeft: fault.count ?? Number.POSITIVE_INFINITY,
        chance: chanceFrom("fault", seed, target, index),
      }));
      targets.set(target, active);
    },
    clear(target) {
      if (target === undefined) targets.clear();
      else targets.delete(target);
    },
    strike(endpoint, isWork) {
      for (const active of rulesFor(endpoint)) {
        const { fault } = active;
        if (!isWork && !strikesEverything(fault)) continue;
        if (active.strikesLeft <= 0 || active.chance() >= (fault.share ?? 1)) continue;
        active.strikesLeft -= 1;
        return fault;
      }
      return undefined;
    },
    isOn: (endpoint, kind) =>
      rulesFor(endpoint).some(({ fault, strikesLeft }) => fault.kind === kind && strikesLeft > 0),
    list: () => Object.fromEntries([...targets].map(([target, rules]) => [target, rules.map(({ fault }) => fault)])),
  };
}

function strikesEverything({ scope, kind }: Fault): boolean {
  return scope === "all" || (scope === undefined && kind === "refuse");
}
