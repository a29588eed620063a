/** A Rollout host over storage in memory, with a clock that is moved by hand. */
import type { PointerMove } from "../../functions/rollout/move-pointer.ts";
import { createRolloutHost, type RolloutHost } from "../../functions/rollout/rollout-host.ts";
import { START_MS } from "./world.ts";

export interface HostWorld {
  readonly host: RolloutHost;
  readonly stored: Map<string, unknown>;
  readonly told: Readonly<Record<string, unknown>>[];
  /** When it asked to be woken, ms from then. */
  readonly wakesAsked: number[];
  /** What was to be done with the pointer. */
  readonly moves: PointerMove[];
  /** How moving it ends. */
  moveEnds: "moved" | "overtaken" | "again" | "broken";
  nowMs: number;
}

/** A host; `stored` is what an earlier one left behind. */
export async function aHost(stored: Map<string, unknown> = new Map()): Promise<HostWorld> {
  const told: Readonly<Record<string, unknown>>[] = [];
  const wakesAsked: number[] = [];
  const moves: PointerMove[] = [];
  const world = { nowMs: START_MS, moveEnds: "moved" as HostWorld["moveEnds"] };
  const host = createRolloutHost({
    nowMs: () => world.nowMs,
    storage: {
      get: async (key) => stored.get(key),
      put: async (entries) => {
        for (const [key, value] of Object.entries(entries)) stored.set(key, structuredClone(value));
      },
    },
    wakeIn: (ms) => wakesAsked.push(ms),
    async movePointer(move) {
      moves.push(move);
      if (world.moveEnds === "broken") throw new Error("KV is down");
      return world.moveEnds;
    },
    tell: (line) => told.push(line),
  });
  await host.restore();
  return Object.assign(world, { host, stored, told, wakesAsked, moves });
}
