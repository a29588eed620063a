/**
 * Runs the queue machine on a clock: turns a job into a promise, and an abort signal into a cancellation.
 *
 * Simulated time is real time divided by `timeScale`. State: the machine, one timer, the promises of jobs under way.
 */
import { createMachine, type Ended, type MachineCounts, type MachineSettings } from "./machine.ts";

/** Where time comes from; tests pass one that they advance by hand. */
export interface Clock {
  /** Real time, ms, any origin. */
  nowMs(): number;
  /** Calls back once after the span (real ms); the returned function cancels it. */
  after(spanMs: number, callBack: () => void): () => void;
}

/** The machine's own clock. */
export const SYSTEM_CLOCK: Clock = {
  nowMs: () => performance.now(),
  after(spanMs, callBack) {
    const timer = setTimeout(callBack, spanMs);
    return () => clearTimeout(timer);
  },
};

/** How a job ended. Simulated ms. */
export type GpuOutcome =
  | { readonly end: "done"; readonly waitedMs: number; readonly serviceMs: number }
  /** The queue is at its cap; `retryAfterMs` is the expected wait. */
  | { readonly end: "full"; readonly retryAfterMs: number }
  | { readonly end: "cancelled" };

/** One endpoint's GPU, or several behind one queue. */
export interface Gpu {
  /**
   * Resolves when the job's GPU time is over, or as soon as it is turned away or cancelled. Never rejects. Times are simulated ms.
   * `onBegin` is called once, when the job leaves the queue for a slot.
   */
  run(serviceMs: number, signal: AbortSignal, onBegin: () => void): Promise<GpuOutcome>;
  counts(): MachineCounts;
  close(): void;
}

/** An idle GPU. `timeScale` is real time a simulated one, above 0. */
export function createGpu(settings: MachineSettings & { readonly timeScale: number; readonly clock: Clock }): Gpu {
  const { clock, timeScale } = settings;
  const machine = createMachine(settings);
  const callers = new Map<number, { readonly onBegin: () => void; readonly onEnd: (ended: Ended) => void }>();
  let lastId = 0;
  let stopTimer: (() => void) | undefined;

  const simulatedNowMs = (): number => clock.nowMs() / timeScale;

  const wake = (): void => {
    stopTimer?.();
    stopTimer = undefined;
    const { begun, ended } = machine.advance(simulatedNowMs());
    for (const id of begun) callers.get(id)?.onBegin();
    for (const job of ended) callers.get(job.id)?.onEnd(job);
    const nextMs = machine.nextEndAtMs();
    // Rounded up, because timers may fire a fraction of a millisecond early.
    if (nextMs !== undefined) {
      stopTimer = clock.after(Math.max(0, Math.ceil(nextMs * timeScale - clock.nowMs())), wake);
    }
  };

  return {
    run(serviceMs, signal, onBegin) {
      if (signal.aborted) return Promise.resolve({ end: "cancelled" });
      const id = ++lastId;
      const nowMs = simulatedNowMs();
      const retryAfterMs = machine.expectedWaitMs(nowMs);
      const place = machine.arrive({ id, serviceMs }, nowMs);
      if (place === "full") return Promise.resolve({ end: "full", retryAfterMs });
      return new Promise((resolve) => {
        const onAbort = (): void => {
          callers.delete(id);
          machine.cancel(id, simulatedNowMs());
          resolve({ end: "cancelled" });
          wake();
        };
        signal.addEventListener("abort", onAbort, { once: true });
        const onEnd = ({ waitedMs }: Ended): void => {
          callers.delete(id);
          signal.removeEventListener("abort", onAbort);
          resolve({ end: "done", waitedMs, serviceMs });
        };
        callers.set(id, { onBegin, onEnd });
        wake();
      });
    },
    counts: () => machine.counts(simulatedNowMs()),
    close() {
      stopTimer?.();
      stopTimer = undefined;
    },
  };
}
