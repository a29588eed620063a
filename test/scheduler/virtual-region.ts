/**
 * A region in virtual time for the scheduler's tests: Poisson arrivals, endpoints with given service times, the machine in between.
 *
 * An event list and nothing else; the machine is told the time of each event and woken when it asks to be.
 */
import type { Priority } from "../../routing/config/snapshot.ts";
import type { Effects, GrantedLease } from "../../routing/scheduler/contract.ts";
import type { SchedulerMachine } from "../../routing/scheduler/machine.ts";
import { anAsk, anOutcome, T0 } from "./support.ts";

export interface Arrival {
  readonly priority?: Priority;
  /** From its arrival, ms. */
  readonly patienceMs: number;
}

export interface Load {
  readonly machine: SchedulerMachine;
  readonly random: () => number;
  readonly arrivals: number;
  /** Mean time between arrivals, ms. */
  readonly gapMs: number;
  arrive(index: number): Arrival;
  /** Service time of one attempt, ms. */
  serviceMs(endpoint: string): number;
  readonly candidates: readonly string[];
  /** Arrivals left out of the result, while the sketches fill. */
  readonly warmUp: number;
}

export interface Done {
  readonly priority: Priority;
  readonly endpoint: string;
  readonly arrivedAtMs: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly deadlineAtMs: number;
}

export interface Ran {
  readonly done: readonly Done[];
  /** Refused at once, or dropped from the queue, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Slots given to a ticket while one of the same class was due earlier. */
  readonly inversions: readonly string[];
}

interface Waiting extends Arrival {
  readonly id: string;
  readonly index: number;
  readonly priority: Priority;
  readonly arrivedAtMs: number;
  readonly deadlineAtMs: number;
}

/** Runs a load to its end. */
export function runLoad(load: Load): Ran {
  const { machine, random } = load;
  const events: { readonly atMs: number; readonly act: (nowMs: number) => void }[] = [];
  const waiting = new Map<string, Waiting>();
  const done: Done[] = [];
  const refused: Record<string, number> = {};
  const inversions: string[] = [];
  const at = (atMs: number, act: (nowMs: number) => void): void => {
    let index = events.length;
    while (index > 0 && events[index - 1]!.atMs > atMs) index -= 1;
    events.splice(index, 0, { atMs, act });
  };
  let wakeAtMs = Number.POSITIVE_INFINITY;

  const start = (lease: GrantedLease, of: Waiting, nowMs: number): void => {
    const serviceMs = load.serviceMs(lease.endpoint);
    at(nowMs + serviceMs, (endedAtMs) => {
      const { endpoint } = lease;
      const { priority, arrivedAtMs, deadlineAtMs } = of;
      if (of.index >= load.warmUp)
        done.push({ priority, endpoint, arrivedAtMs, startedAtMs: nowMs, endedAtMs, deadlineAtMs });
      take(machine.release(lease.id, anOutcome({ elapsedMs: serviceMs }), endedAtMs), endedAtMs);
    });
  };

  const inspect = (of: Waiting): void => {
    for (const other of waiting.values())
      if (other.priority === of.priority && other.deadlineAtMs < of.deadlineAtMs)
        inversions.push(`${of.id} before ${other.id}`);
  };

  const take = (effects: Effects, nowMs: number): void => {
    for (const drop of effects.dropped) {
      waiting.delete(drop.ticket);
      refused[drop.refusal.why] = (refused[drop.refusal.why] ?? 0) + 1;
    }
    for (const lease of effects.grants) {
      const of = waiting.get(lease.id)!;
      waiting.delete(lease.id);
      inspect(of);
      start(lease, of, nowMs);
    }
    wakeAtMs = effects.nextWakeAtMs ?? Number.POSITIVE_INFINITY;
  };

  const arrive = (index: number, nowMs: number): void => {
    if (index + 1 < load.arrivals) at(nowMs - Math.log(1 - random()) * load.gapMs, (next) => arrive(index + 1, next));
    const arrival = load.arrive(index);
    const priority = arrival.priority ?? "interactive";
    const deadlineAtMs = nowMs + arrival.patienceMs;
    const { answer, effects } = machine.reserve(
      anAsk({ requestId: `r${index}`, candidates: load.candidates, priority, deadlineAtMs }),
      nowMs,
    );
    const of: Waiting = { ...arrival, id: "", index, priority, arrivedAtMs: nowMs, deadlineAtMs };
    if (answer.kind === "granted") start(answer.lease, of, nowMs);
    else if (answer.kind === "queued") waiting.set(answer.ticket, { ...of, id: answer.ticket });
    else refused[answer.why] = (refused[answer.why] ?? 0) + 1;
    take(effects, nowMs);
  };

  at(T0, (nowMs) => arrive(0, nowMs));
  for (let event = events.shift(); event !== undefined; event = events.shift()) {
    while (wakeAtMs < event.atMs) {
      const nowMs = wakeAtMs;
      take(machine.tick(nowMs), nowMs);
    }
    event.act(event.atMs);
  }
  return { done, refused, inversions };
}

/** The `q`-quantile of numbers. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
}
