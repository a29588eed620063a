/** A Rollout host over storage in memory, with a clock that is moved by hand. */
import { createRolloutHost, type RolloutHost } from "../../functions/rollout/rollout-host.ts";
import { START_MS } from "./world.ts";

export interface HostWorld {
  readonly host: RolloutHost;
  readonly stored: Map<string, unknown>;
  readonly told: Readonly<Record<string, unknown>>[];
  readonly savesAsked: number[];
  nowMs: number;
}

/** A host; `stored` is what an earlier one left behind. */
export async function aHost(stored: Map<string, unknown> = new Map()): Promise<HostWorld> {
  const told: Readonly<Record<string, unknown>>[] = [];
  const savesAsked: number[] = [];
  const world = { nowMs: START_MS };
  const host = createRolloutHost({
    nowMs: () => world.nowMs,
    storage: {
      get: async (key) => stored.get(key),
      put: async (entries) => {
        for (const [key, value] of Object.entries(entries)) stored.set(key, structuredClone(value));
      },
    },
    saveIn: (ms) => savesAsked.push(ms),
    tell: (line) => told.push(line),
  });
  await host.restore();
  return Object.assign(world, { host, stored, told, savesAsked });
}
