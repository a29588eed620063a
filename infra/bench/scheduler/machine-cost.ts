/**
 * What a reservation and its release cost the pure machine, alone in this process: CPU time, for wall time says more about the neighbours.
 */
import { createScheduler, type ScheduledAsk, type ScheduledOutcome, type Snapshot } from "../../../routing/index.ts";
import { chanceFrom } from "../../gpu/simulator/chance.ts";

export interface MachineOrder {
  readonly snapshot: Snapshot;
  readonly ask: ScheduledAsk;
  readonly outcome: ScheduledOutcome;
  readonly pairs: number;
  /** Leases that are held all the while: 0 leaves slack, the pool's slots and more make every ask wait for a slot. */
  readonly held: number;
}

/** CPU of 1,000 pairs, ms. Each release hands its slot to whoever waits, as it does in the object. */
export function machineCpuMs({ snapshot, ask, outcome, pairs, held }: MachineOrder): number {
  const machine = createScheduler({ place: ask.place, random: chanceFrom("bench", 1) });
  let nowMs = 1_700_000_000_000;
  machine.configure(snapshot, nowMs);
  const running: string[] = [];
  const reserve = (index: number): void => {
    nowMs += 1;
    const own = { requestId: `r${index}`, deadlineAtMs: nowMs + 600_000, startedAtMs: nowMs };
    const { answer, effects } = machine.reserve({ ...ask, ...own }, nowMs);
    if (answer.kind === "granted") running.push(answer.lease.id);
    for (const lease of effects.grants) running.push(lease.id);
  };
  const release = (): void => {
    const id = running.shift();
    if (id === undefined) return;
    for (const lease of machine.release(id, outcome, nowMs).grants) running.push(lease.id);
  };
  for (let index = 0; index < held; index += 1) reserve(-index);
  const round = (from: number, count: number): void => {
    for (let index = from; index < from + count; index += 1) {
      reserve(index);
      release();
    }
  };
  round(0, Math.ceil(pairs / 4));
  const before = process.cpuUsage();
  round(pairs, pairs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / pairs;
}
