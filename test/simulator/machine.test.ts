import { describe, expect, it } from "vitest";
import { createMachine } from "../../infra/gpu/simulator/machine.ts";

const settings = { slots: 2, honourCancel: true };

describe("the GPU queue machine", () => {
  it("works on as many jobs as it has slots and starts the next in order of arrival", () => {
    const machine = createMachine(settings);
    expect([1, 2, 3, 4].map((id) => machine.arrive({ id, serviceMs: 100 }, id))).toEqual([
      "running",
      "running",
      "waiting",
      "waiting",
    ]);
    expect(machine.advance(101)).toMatchObject({ begun: [1, 2, 3], ended: [{ id: 1, endedAtMs: 101, waitedMs: 0 }] });
    expect(machine.advance(500).ended).toMatchObject([
      { id: 2, endedAtMs: 102 },
      { id: 3, endedAtMs: 201, waitedMs: 98 },
      { id: 4, endedAtMs: 202, waitedMs: 98 },
    ]);
  });

  it("turns away what is beyond the queue's cap", () => {
    const machine = createMachine({ ...settings, queueCap: 1 });
    const places = [1, 2, 3, 4].map((id) => machine.arrive({ id, serviceMs: 100 }, 0));
    expect(places).toEqual(["running", "running", "waiting", "full"]);
    expect(machine.counts(0)).toMatchObject({ running: 2, waiting: 1, turnedAway: 1 });
    expect(machine.expectedWaitMs(0)).toBe(150);
  });

  it("drops a waiting job that is cancelled, without any GPU time", () => {
    const machine = createMachine({ ...settings, honourCancel: false });
    for (const id of [1, 2, 3]) machine.arrive({ id, serviceMs: 100 }, 0);
    expect(machine.cancel(3, 50)).toBe("dropped");
    expect(machine.advance(1000).ended.map(({ id }) => id)).toEqual([1, 2]);
    expect(machine.counts(1000)).toMatchObject({ dropped: 1, completed: 2, gpuMs: 200, wastedGpuMs: 0 });
  });

  it("stops a running job that is cancelled and gives its slot to the next at once", () => {
    const machine = createMachine({ slots: 1, honourCancel: true });
    machine.arrive({ id: 1, serviceMs: 1000 }, 0);
    machine.arrive({ id: 2, serviceMs: 1000 }, 0);
    expect(machine.cancel(1, 300)).toBe("stopped");
    expect(machine.nextEndAtMs()).toBe(1300);
    expect(machine.counts(300)).toMatchObject({ running: 1, waiting: 0, stopped: 1, gpuMs: 300, wastedGpuMs: 300 });
  });

  it("keeps the slot busy with a cancelled job when it does not honour cancellation", () => {
    const machine = createMachine({ slots: 1, honourCancel: false });
    machine.arrive({ id: 1, serviceMs: 1000 }, 0);
    machine.arrive({ id: 2, serviceMs: 1000 }, 0);
    expect(machine.cancel(1, 300)).toBe("abandoned");
    expect(machine.cancel(1, 400)).toBe("over");
    expect(machine.nextEndAtMs()).toBe(1000);
    expect(machine.advance(2000).ended).toMatchObject([
      { id: 1, abandoned: true },
      { id: 2, abandoned: false, endedAtMs: 2000 },
    ]);
    expect(machine.counts(2000)).toMatchObject({ completed: 1, abandoned: 1, gpuMs: 2000, wastedGpuMs: 1000 });
  });

  it("starts cold after an idle spell, and only then", () => {
    const machine = createMachine({ slots: 1, honourCancel: true, coldStart: { idleMs: 500, startMs: () => 2000 } });
    machine.arrive({ id: 1, serviceMs: 100 }, 0);
    machine.arrive({ id: 2, serviceMs: 100 }, 10);
    expect(machine.advance(5000).ended.map(({ endedAtMs }) => endedAtMs)).toEqual([2100, 2200]);
    machine.arrive({ id: 3, serviceMs: 100 }, 2600);
    machine.arrive({ id: 4, serviceMs: 100 }, 3300);
    expect(machine.advance(9000).ended.map(({ endedAtMs }) => endedAtMs)).toEqual([2700, 5400]);
  });

  it("gives equal results when driven step by step and in one leap", () => {
    const run = (step: number) => {
      const machine = createMachine(settings);
      const ended: number[] = [];
      for (let id = 1; id <= 40; id += 1) machine.arrive({ id, serviceMs: 30 + ((id * 37) % 50) }, id * 11);
      for (let at = 440; at <= 4400; at += step)
        ended.push(...machine.advance(at).ended.map(({ endedAtMs }) => endedAtMs));
      return ended;
    };
    expect(run(1)).toEqual(run(1980));
  });
});
