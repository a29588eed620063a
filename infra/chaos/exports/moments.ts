/**
 * The moments at which a kill falls: by chance, or at a border of a job's steps, as it shows from outside.
 */
import type { Simulator } from "../../gpu/simulator/index.ts";

/** When a kill falls. */
export const MOMENTS = [
  "any",
  "submitting",
  "render-begins",
  "render-ends",
  "upscale-begins",
  "upscale-ends",
  "webhook",
] as const;
export type Moment = (typeof MOMENTS)[number];

export interface Moments {
  happened(moment: Moment): void;
  /** Compares the simulator's counters with those of the last look. */
  look(simulator: Simulator): void;
  /** Resolves when it happens, or after `limitMs`. */
  wait(moment: Moment, limitMs: number): Promise<void>;
}

/** Watches for them. */
export function createMoments(): Moments {
  const waiting = new Map<Moment, () => void>();
  const seen = { render: { requests: 0, completed: 0 }, upscale: { requests: 0, completed: 0 } };
  const happened = (moment: Moment) => waiting.get(moment)?.();
  return {
    happened,
    look(simulator) {
      for (const step of ["render", "upscale"] as const) {
        const now = countsOf(simulator, step);
        if (now.requests > seen[step].requests) happened(`${step}-begins`);
        if (now.completed > seen[step].completed) happened(`${step}-ends`);
        seen[step] = now;
      }
    },
    wait: (moment, limitMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(done, limitMs);
        waiting.set(moment, done);
        function done() {
          clearTimeout(timer);
          waiting.delete(moment);
          resolve();
        }
      }),
  };
}

/** What the simulator was asked for and has done since it started. */
export function countsOf(simulator: Simulator, step: "render" | "upscale"): { requests: number; completed: number } {
  const stations = Object.values(simulator.control.state().endpoints).filter(
    ({ id }) => id.includes("upscaler") === (step === "upscale"),
  );
  return {
    requests: stations.reduce((sum, { requests }) => sum + requests, 0),
    completed: stations.reduce((sum, { completed }) => sum + completed, 0),
  };
}
