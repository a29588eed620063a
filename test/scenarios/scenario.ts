/**
 * A scenario: what is asked and from where, and what must be decided, read from one YAML file whose first line tells the story.
 *
 * `routing` replaces the shipped routing file; `health` is measured service times by `model@place`, ms, as [q50, q75, q95].
 */
import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { compile } from "../../routing/authoring.ts";
import type { Snapshot } from "../../routing/config/snapshot.ts";
import { type Ask, createDecider, type Decided, type DecideInput } from "../../routing/decide.ts";
import { parseClientLocation } from "../../routing/region/parse-location.ts";
import { legWords } from "../support/plan-ask.ts";

const FOLDER = "test/scenarios";

export interface Scenario {
  /** The file's first line. */
  readonly story: string;
  readonly file: string;
  readonly routing?: string;
  readonly request: ScenarioRequest;
  /** As the platform tells it (`request.cf`). */
  readonly from?: Readonly<Record<string, string>>;
  readonly health?: Readonly<Record<string, readonly [number, number, number]>>;
  readonly expect: Outcome;
}

interface ScenarioRequest {
  readonly prompt: string;
  readonly purpose?: string;
  readonly model?: string;
  readonly width?: number;
  readonly height?: number;
  readonly steps?: number;
  readonly text?: readonly string[];
  readonly image?: boolean;
  readonly mask?: boolean;
  readonly format?: "png" | "webp" | "jpeg";
  readonly deadline_ms?: number;
  readonly export?: boolean;
  readonly automation?: boolean;
  readonly tenant?: string;
}

/** What is decided, in the words of a scenario. */
export type Outcome =
  | {
      readonly purpose: string;
      readonly route: string;
      readonly reason: string;
      readonly model: string;
      readonly policy: string;
      readonly home: string;
      readonly size: string;
      readonly deadline_ms: number;
      readonly legs: readonly string[];
    }
  | { readonly refused: string; readonly path?: string; readonly detail: string };

/** Every scenario of the folder, in order of the file names. */
export function readScenarios(): readonly Scenario[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".yml"))
    .sort()
    .map((file) => {
      const text = readFileSync(`${FOLDER}/${file}`, "utf8");
      return { file, story: /^# (.*)\n/.exec(text)?.[1] ?? "", ...parse(text) };
    });
}

/** The shipped configuration, with another routing file where one is given. */
export async function compileShipped(routing?: string): Promise<Snapshot> {
  const compiled = await compile({
    routing: { file: "model-routing.yml", text: routing ?? readFileSync("routing/model-routing.yml", "utf8") },
    catalog: { file: "catalog.local.yml", text: readFileSync("routing/catalog.local.yml", "utf8") },
  });
  if (!compiled.ok) throw new Error(compiled.problems.map(({ line, message }) => `${line}: ${message}`).join("\n"));
  return compiled.snapshot;
}

/** Decides a scenario and says in its words what came of it. */
export function play(scenario: Scenario, snapshot: Snapshot): Outcome {
  const decided = createDecider(snapshot)(toInput(scenario));
  if (decided.ok) return toOutcome(decided.value);
  const { code, path, detail } = decided.failure;
  return { refused: code, ...(path !== undefined && { path }), detail };
}

function toOutcome({ classified, home, size, deadlineMs, plan }: Decided): Outcome {
  const { purpose, route, reason, model, policy } = classified;
  return {
    purpose,
    route,
    reason,
    model,
    policy,
    home,
    size: `${size.width}x${size.height}`,
    deadline_ms: deadlineMs,
    legs: plan.legs.map(legWords),
  };
}

function toInput({ request, from = {}, health }: Scenario): DecideInput {
  return {
    ask: toAsk(request),
    tenant: request.tenant ?? "local",
    automation: request.automation ?? false,
    location: parseClientLocation(from),
    ...(health !== undefined && {
      measured: ({ model, place }) => {
        const [q50Ms, q75Ms, q95Ms] = health[`${model}@${place}`] ?? [];
        return q50Ms && q75Ms && q95Ms ? { q50Ms, q75Ms, q95Ms } : undefined;
      },
    }),
  };
}

function toAsk({ deadline_ms, text = [], image, mask, tenant: _t, automation: _a, ...request }: ScenarioRequest): Ask {
  const picture = { bytes: new Uint8Array(1), format: "png" } as const;
  return {
    ...request,
    text: text.map((content) => ({ content })),
    preferredFormat: "png",
    exportFlag: request.export ?? false,
    ...(deadline_ms !== undefined && { deadlineMs: deadline_ms }),
    ...(image === true && { image: picture }),
    ...(mask === true && { mask: picture }),
  };
}
