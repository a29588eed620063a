import { describe, expect, it } from "vitest";
import { type Clock, createGpu, type GpuOutcome } from "../../infra/gpu/simulator/gpu.ts";

/** A clock that stands until it is moved. */
function aClock(): Clock & { move(spanMs: number): Promise<void> } {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly callBack: () => void }>();
  return {
    nowMs: () => nowMs,
    after(spanMs, callBack) {
      const timer = { atMs: nowMs + spanMs, callBack };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async move(spanMs) {
      const endMs = nowMs + spanMs;
      for (;;) {
        const [due] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((one, other) => one.atMs - other.atMs);
        if (!due) break;
        timers.delete(due);
        nowMs = due.atMs;
        due.callBack();
        await Promise.resolve();
      }
      nowMs = endMs;
    },
  };
}

const never = new AbortController().signal;

function watch(run: Promise<GpuOutcome>): { outcome?: GpuOutcome } {
  const seen: { outcome?: GpuOutcome } = {};
  void run.then((outcome) => {
    seen.outcome = outcome;
  });
  return seen;
}

describe("a GPU on a clock", () => {
  it("ends a job when its time is over, not before, and says how long it waited", async () => {
    const clock = aClock();
    const gpu = createGpu({ slots: 1, honourCancel: true, timeScale: 1, clock });
    const begun: number[] = [];
    const first = watch(gpu.run(100, never, () => begun.push(1)));
    const second = watch(gpu.run(50, never, () => begun.push(2)));
    await clock.move(99);
    expect([first.outcome, begun]).toEqual([undefined, [1]]);
    await clock.move(2);
    expect(first.outcome).toEqual({ end: "done", waitedMs: 0, serviceMs: 100 });
    expect(begun).toEqual([1, 2]);
    await clock.move(50);
    expect(second.outcome).toEqual({ end: "done", waitedMs: 100, serviceMs: 50 });
  });

  it("runs faster by the time scale, and counts simulated time", async () => {
    const clock = aClock();
    const gpu = createGpu({ slots: 1, honourCancel: true, timeScale: 0.01, clock });
    const job = watch(gpu.run(10_000, never, () => undefined));
    await clock.move(100);
    expect(job.outcome).toEqual({ end: "done", waitedMs: 0, serviceMs: 10_000 });
    expect(gpu.counts().gpuMs).toBe(10_000);
  });

  it("lets go of a job at once when its signal aborts, and takes the next", async () => {
    const clock = aClock();
    const gpu = createGpu({ slots: 1, honourCancel: true, timeScale: 1, clock });
    const leaving = new AbortController();
    const first = watch(gpu.run(1000, leaving.signal, () => undefined));
    const second = watch(gpu.run(100, never, () => undefined));
    await clock.move(10);
    leaving.abort();
    await clock.move(100);
    expect(first.outcome).toEqual({ end: "cancelled" });
    expect(second.outcome).toEqual({ end: "done", waitedMs: 10, serviceMs: 100 });
    expect(gpu.counts()).toMatchObject({ stopped: 1, completed: 1, gpuMs: 110, wastedGpuMs: 10 });
  });

  it("says how long to stay away when the queue is full", async () => {
    const gpu = createGpu({ slots: 1, queueCap: 0, honourCancel: true, timeScale: 1, clock: aClock() });
    void gpu.run(3000, never, () => undefined);
    expect(await gpu.run(100, never, () => undefined)).toEqual({ end: "full", retryAfterMs: 3000 });
  });

  it("does not begin a job whose caller has left before", async () => {
    const gpu = createGpu({ slots: 1, honourCancel: true, timeScale: 1, clock: aClock() });
    expect(await gpu.run(100, AbortSignal.abort(), () => undefined)).toEqual({ end: "cancelled" });
    expect(gpu.counts()).toMatchObject({ running: 0, completed: 0 });
  });
});
