/**
 * A GPU's queue as a pure machine: bounded slots, one FIFO queue, cold start, cancellation. It never looks at a clock.
 *
 * Every operation takes the time (ms, any origin) and first lets everything happen that was due by then, at the instant it was due;
 * so the machine may be driven by timers or in virtual time with equal results. State lives in the closure of `createMachine`.
 */

/** What a machine is like. */
export interface MachineSettings {
  /** Pictures in work at the same time. */
  readonly slots: number;
  /** Most jobs waiting; one more is turned away. `undefined`: no bound (as vLLM-Omni has none). */
  readonly queueCap?: number;
  /** A running job stops when it is cancelled; otherwise it runs to its end and keeps its slot. */
  readonly honourCancel: boolean;
  /** After `idleMs` without work (and before the first) the next job first waits for `startMs()`. */
  readonly coldStart?: { readonly idleMs: number; readonly startMs: () => number };
}

/** One request's work. */
export interface Job {
  /** Unique within the machine. */
  readonly id: number;
  /** Time on the GPU, ms. */
  readonly serviceMs: number;
}

/** A job that left the GPU. `abandoned`: it was cancelled while it ran, and ran on all the same. */
export interface Ended {
  readonly id: number;
  readonly endedAtMs: number;
  readonly waitedMs: number;
  readonly serviceMs: number;
  readonly abandoned: boolean;
}

/** What became of a cancelled job: taken out of the queue, stopped on the GPU, left running, or already over. */
export type CancelEffect = "dropped" | "stopped" | "abandoned" | "over";

/** Counters since the start, and what is under way now. */
export interface MachineCounts {
  readonly running: number;
  readonly waiting: number;
  readonly completed: number;
  /** Cancelled jobs, by what became of them. */
  readonly dropped: number;
  readonly stopped: number;
  readonly abandoned: number;
  readonly turnedAway: number;
  /** GPU time spent so far, ms; running jobs count up to the given time. */
  readonly gpuMs: number;
  /** Part of `gpuMs` that went into jobs which were cancelled, ms. */
  readonly wastedGpuMs: number;
}

/** The queue. Times must not go back. */
export interface Machine {
  /** Takes a job on, or says that the queue is full. */
  arrive(job: Job, nowMs: number): "running" | "waiting" | "full";
  cancel(id: number, nowMs: number): CancelEffect;
  /** Lets time pass; gives the jobs that began (by id) and that ended since the last call, each in order. */
  advance(nowMs: number): { readonly begun: readonly number[]; readonly ended: readonly Ended[] };
  /** When the next running job ends, ms; `undefined` when nothing runs. */
  nextEndAtMs(): number | undefined;
  /** Expected wait of a job that would arrive now, ms. */
  expectedWaitMs(nowMs: number): number;
  counts(nowMs: number): MachineCounts;
}

interface Running extends Job {
  readonly arrivedAtMs: number;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  abandoned: boolean;
}

interface Waiting extends Job {
  readonly arrivedAtMs: number;
}

/** An idle machine, cold where it has cold starts. */
export function createMachine(settings: MachineSettings): Machine {
  const running: Running[] = [];
  const waiting: Waiting[] = [];
  const begun: number[] = [];
  const ended: Ended[] = [];
  const tally = { completed: 0, dropped: 0, stopped: 0, abandoned: 0, turnedAway: 0, gpuMs: 0, wastedGpuMs: 0 };
  let warmAtMs = Number.NEGATIVE_INFINITY;
  let idleSinceMs = Number.NEGATIVE_INFINITY;

  const begin = (job: Waiting, atMs: number): void => {
    const { coldStart } = settings;
    if (coldStart && running.length === 0 && atMs - idleSinceMs >= coldStart.idleMs) {
      warmAtMs = atMs + coldStart.startMs();
    }
    const startedAtMs = Math.max(atMs, warmAtMs);
    begun.push(job.id);
    running.push({ ...job, startedAtMs, endsAtMs: startedAtMs + job.serviceMs, abandoned: false });
  };

  const freeSlot = (job: Running, atMs: number): void => {
    running.splice(running.indexOf(job), 1);
    // Before the next one begins, or a busy machine with one slot would count as idle since its last cold start.
    idleSinceMs = atMs;
    const next = waiting.shift();
    if (next) begin(next, atMs);
  };

  const earliest = (): Running | undefined => {
    let first: Running | undefined;
    for (const job of running) if (!first || job.endsAtMs < first.endsAtMs) first = job;
    return first;
  };

  const settle = (nowMs: number): void => {
    for (let job = earliest(); job && job.endsAtMs <= nowMs; job = earliest()) {
      const { id, serviceMs, endsAtMs, arrivedAtMs, startedAtMs, abandoned } = job;
      tally.gpuMs += serviceMs;
      if (abandoned) tally.wastedGpuMs += serviceMs;
      else tally.completed += 1;
      ended.push({ id, endedAtMs: endsAtMs, waitedMs: startedAtMs - arrivedAtMs, serviceMs, abandoned });
      freeSlot(job, endsAtMs);
    }
  };

  return {
    arrive(job, nowMs) {
      settle(nowMs);
      const arrival = { ...job, arrivedAtMs: nowMs };
      if (running.length < settings.slots) {
        begin(arrival, nowMs);
        return "running";
      }
      if (settings.queueCap !== undefined && waiting.length >= settings.queueCap) {
        tally.turnedAway += 1;
        return "full";
      }
      waiting.push(arrival);
      return "waiting";
    },

    cancel(id, nowMs) {
      settle(nowMs);
      const place = waiting.findIndex((job) => job.id === id);
      if (place >= 0) {
        waiting.splice(place, 1);
        tally.dropped += 1;
        return "dropped";
      }
      const job = running.find((candidate) => candidate.id === id);
      if (!job || job.abandoned) return "over";
      if (!settings.honourCancel) {
        job.abandoned = true;
        tally.abandoned += 1;
        return "abandoned";
      }
      const spentMs = Math.max(0, nowMs - job.startedAtMs);
      tally.gpuMs += spentMs;
      tally.wastedGpuMs += spentMs;
      tally.stopped += 1;
      freeSlot(job, nowMs);
      return "stopped";
    },

    advance(nowMs) {
      settle(nowMs);
      return { begun: begun.splice(0), ended: ended.splice(0) };
    },

    nextEndAtMs: () => earliest()?.endsAtMs,

    expectedWaitMs(nowMs) {
      if (running.length < settings.slots) return 0;
      const aheadMs =
        running.reduce((sum, job) => sum + Math.max(0, job.endsAtMs - nowMs), 0) +
        waiting.reduce((sum, job) => sum + job.serviceMs, 0);
      return aheadMs / settings.slots;
    },

    counts(nowMs) {
      settle(nowMs);
      let gpuMs = tally.gpuMs;
      let wastedGpuMs = tally.wastedGpuMs;
      for (const job of running) {
        const spentMs = Math.max(0, nowMs - job.startedAtMs);
        gpuMs += spentMs;
        if (job.abandoned) wastedGpuMs += spentMs;
      }
      return { ...tally, running: running.length, waiting: waiting.length, gpuMs, wastedGpuMs };
    },
  };
}
