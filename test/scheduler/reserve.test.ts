import { describe, expect, test } from "vitest";
import type { Ask } from "../../routing/scheduler/contract.ts";
import type { SchedulerMachine } from "../../routing/scheduler/machine.ts";
import {
  anAsk,
  anOutcome,
  BROKEN,
  endpointView,
  failed,
  granted,
  machineOf,
  queued,
  refused,
  regionOf,
  seeded,
  T0,
} from "./support.ts";

const one = () => machineOf(regionOf({ a: {} }));
const ask = (machine: SchedulerMachine, parts: Partial<Ask> = {}, nowMs = T0) =>
  machine.reserve(anAsk(parts), nowMs).answer;

/** Takes both slots of `a`; ids in order. */
const fill = (machine: SchedulerMachine, nowMs = T0): readonly string[] =>
  ["f1", "f2"].map((requestId) => granted(ask(machine, { requestId, deadlineAtMs: nowMs + 8_000 }, nowMs)).id);

describe("a free slot", () => {
  test("is given at once, with what the catalogue expects", () => {
    const lease = granted(ask(one()));
    expect(lease).toMatchObject({ endpoint: "a", place: "weur", probe: false });
    expect(lease.predicted).toEqual({ waitMs: 0, serviceMs: 1_500, p95Ms: 2_200 });
    expect(lease.expiresAtMs).toBe(T0 + 16_000);
  });

  test("lives twice as long as the attempt may run", () => {
    expect(granted(ask(one(), { timeoutMs: 3_000 })).expiresAtMs).toBe(T0 + 6_000);
  });

  test("is of the endpoint with the earliest predicted completion", () => {
    const machine = machineOf(regionOf({ a: {}, b: {} }));
    for (let index = 0; index < 20; index += 1) {
      machine.release("x", anOutcome({ elapsedMs: 1_400 }), T0, "a");
      machine.release("x", anOutcome({ elapsedMs: 900 }), T0, "b");
    }
    expect(granted(ask(machine)).endpoint).toBe("b");
    expect(granted(ask(machine)).endpoint).toBe("b");
    expect(granted(ask(machine)).endpoint).toBe("a");
  });

  test("spreads equals: the least loaded first, in the order of the candidates", () => {
    const machine = machineOf(regionOf({ a: {}, b: {}, c: {} }));
    const candidates = ["c", "a", "b"];
    const order = Array.from({ length: 6 }, () => granted(ask(machine, { candidates })).endpoint);
    expect(order).toEqual(["c", "a", "b", "c", "a", "b"]);
  });

  test("is never of an endpoint that is not a candidate, is avoided, or is unknown", () => {
    const machine = machineOf(regionOf({ a: {}, b: {}, c: {} }));
    expect(granted(ask(machine, { candidates: ["b", "nowhere"] })).endpoint).toBe("b");
    expect(granted(ask(machine, { avoid: ["a", "b"] })).endpoint).toBe("c");
    expect(refused(ask(machine, { candidates: ["nowhere"] })).why).toBe("no_endpoint");
    expect(refused(ask(machine, { model: "nothing" })).why).toBe("no_endpoint");
  });

  test("rather waits a moment for a fast endpoint than takes a very slow one", () => {
    const machine = machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 1 } }, b: {} }));
    for (let index = 0; index < 20; index += 1) {
      machine.release("x", anOutcome({ elapsedMs: 600 }), T0, "a");
      machine.release("x", anOutcome({ elapsedMs: 6_000 }), T0, "b");
    }
    const fast = granted(ask(machine));
    expect(fast.endpoint).toBe("a");
    const { ticket } = queued(ask(machine, {}, T0 + 300));
    expect(machine.tick(T0 + 400).grants).toEqual([]);
    const { grants } = machine.release(fast.id, anOutcome({ elapsedMs: 600 }), T0 + 600);
    expect(grants).toMatchObject([{ id: ticket, endpoint: "a" }]);
  });

  test("takes the slow one after all when the fast one is overdue", () => {
    const machine = machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 1 } }, b: {} }));
    for (let index = 0; index < 20; index += 1) {
      machine.release("x", anOutcome({ elapsedMs: 600 }), T0, "a");
      machine.release("x", anOutcome({ elapsedMs: 1_600 }), T0, "b");
    }
    machine.tick(T0);
    expect(granted(ask(machine)).endpoint).toBe("a");
    const { ticket } = queued(ask(machine, {}, T0 + 300));
    expect(machine.tick(T0 + 2_500).grants).toEqual([]);
    expect(machine.tick(T0 + 3_000).grants).toMatchObject([{ id: ticket, endpoint: "b" }]);
  });
});

describe("waiting", () => {
  test("happens while the predicted completion is in time; the slot goes to the ticket", () => {
    const machine = one();
    const [first] = fill(machine);
    const answer = queued(ask(machine, { requestId: "r3" }));
    expect(answer.predictedWaitMs).toBeCloseTo(1_500, -1);
    const { grants } = machine.release(first!, anOutcome(), T0 + 1_500);
    expect(grants).toMatchObject([{ id: answer.ticket, endpoint: "a" }]);
  });

  test("is refused at once where q75 would be late, with the drain as an honest wait", () => {
    const machine = machineOf(regionOf({ a: {} }), () => 0);
    fill(machine);
    const late = refused(ask(machine, { deadlineAtMs: T0 + 3_000 }));
    expect(late.why).toBe("predicted_late");
    expect(late.retryAfterMs).toBeCloseTo(1_500, -1);
  });

  test("spreads the Retry-After of those refused together between 1 and 1.3 times the drain", () => {
    const machine = machineOf(regionOf({ a: {} }), seeded(5));
    fill(machine);
    const waits = Array.from({ length: 300 }, () => refused(ask(machine, { deadlineAtMs: T0 + 3_000 })).retryAfterMs!);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_951);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(300);
  });

  test("is refused without a Retry-After where waiting would not help", () => {
    const late = refused(ask(one(), { deadlineAtMs: T0 + 900 }));
    expect(late).toEqual({ kind: "refused", why: "predicted_late" });
  });

  test("predicts longer waits the more are ahead, and refuses from there on", () => {
    const machine = one();
    fill(machine);
    const waits: number[] = [];
    let last = "";
    for (let index = 0; index < 20 && last !== "refused"; index += 1) {
      const answer = ask(machine, { requestId: `q${index}` });
      last = answer.kind;
      if (answer.kind === "queued") waits.push(answer.predictedWaitMs);
    }
    expect(waits).toEqual([1_500, 1_500, 3_000, 3_000, 4_500, 4_500, 6_000, 6_000]);
    expect(last).toBe("refused");
  });

  test("serves the earliest deadline first", () => {
    const machine = one();
    const [first, second] = fill(machine);
    const late = queued(ask(machine, { requestId: "late", deadlineAtMs: T0 + 7_900 })).ticket;
    const early = queued(ask(machine, { requestId: "early", deadlineAtMs: T0 + 5_000 })).ticket;
    expect(machine.release(first!, anOutcome(), T0 + 1_000).grants.map((lease) => lease.id)).toEqual([early]);
    expect(machine.release(second!, anOutcome(), T0 + 1_000).grants.map((lease) => lease.id)).toEqual([late]);
  });

  test("serves a preview before a draft that came earlier and is due earlier", () => {
    const machine = one();
    const [first] = fill(machine);
    queued(ask(machine, { requestId: "draft", priority: "automation", deadlineAtMs: T0 + 30_000 }));
    const preview = queued(ask(machine, { requestId: "preview", deadlineAtMs: T0 + 7_900 })).ticket;
    expect(machine.release(first!, anOutcome(), T0 + 1_000).grants.map((lease) => lease.id)).toEqual([preview]);
  });

  test("ends before the GPU is reached when there is no time left, and says so once", () => {
    const machine = one();
    fill(machine);
    const answer = queued(ask(machine, { requestId: "r3", deadlineAtMs: T0 + 4_000 }));
    // Its q75 is 1,755 ms by the catalogue.
    expect(answer.expiresAtMs).toBe(T0 + 2_244);
    expect(machine.tick(T0 + 2_244).dropped).toEqual([]);
    const { dropped, grants } = machine.tick(T0 + 2_245);
    expect(dropped).toMatchObject([{ ticket: answer.ticket, refusal: { why: "predicted_late" } }]);
    expect(grants).toEqual([]);
    expect(machine.tick(T0 + 2_600).dropped).toEqual([]);
  });

  test("is given up by abandon, before or after the grant, without a verdict on the endpoint", () => {
    const machine = one();
    const [first] = fill(machine);
    const waiting = queued(ask(machine, { requestId: "r3" })).ticket;
    machine.abandon(waiting, T0 + 10);
    expect(machine.release(first!, anOutcome(), T0 + 20).grants).toEqual([]);
    const lease = granted(ask(machine, { requestId: "r4" }, T0 + 30));
    machine.abandon(lease.id, T0 + 40);
    expect(endpointView(machine, "a")).toMatchObject({ inUse: 1, attempts: 1, failures: 0 });
  });

  test("is bounded: the least urgent leaves for a more urgent one, and else the new one is shed", () => {
    const machine = machineOf(regionOf({ a: {} }));
    fill(machine);
    const exports = Array.from(
      { length: 256 },
      (_, index) =>
        queued(ask(machine, { requestId: `e${index}`, priority: "export", deadlineAtMs: T0 + 3_600_000 + index }))
          .ticket,
    );
    const one = machine.reserve(anAsk({ priority: "export", deadlineAtMs: T0 + 9_000_000 }), T0).answer;
    expect(refused(one).why).toBe("shed");
    const { answer, effects } = machine.reserve(anAsk({ requestId: "preview" }), T0);
    expect(answer.kind).toBe("queued");
    expect(effects.dropped).toMatchObject([{ ticket: exports.at(-1), refusal: { why: "shed" } }]);
  });
});

describe("being held back", () => {
  const throttledMachine = (retryAfterMs: number) => {
    const machine = one();
    const { id } = granted(ask(machine));
    machine.release(id, failed({ reason: "overloaded", status: 429, retryAfterMs }), T0);
    return machine;
  };

  test("by a Retry-After means waiting for it where there is time, and then a slot", () => {
    const machine = throttledMachine(2_000);
    const answer = queued(ask(machine));
    expect(answer.predictedWaitMs).toBe(2_000);
    expect(machine.tick(T0 + 1_999).grants).toEqual([]);
    expect(machine.tick(T0 + 2_000).grants.map((lease) => lease.id)).toEqual([answer.ticket]);
  });

  test("is said with the time where there is none", () => {
    const refusal = refused(ask(throttledMachine(60_000)));
    expect(refusal.why).toBe("not_before");
    expect(refusal.retryAfterMs).toBeGreaterThanOrEqual(60_000);
  });
});

describe("extra attempts", () => {
  test("are refused until ten requests have earned one", () => {
    const machine = one();
    for (let index = 0; index < 9; index += 1) machine.abandon(granted(ask(machine)).id, T0);
    expect(refused(ask(machine, { kind: "retry" })).why).toBe("budget");
    machine.abandon(granted(ask(machine)).id, T0);
    expect(ask(machine, { kind: "retry" }).kind).toBe("granted");
    expect(refused(ask(machine, { kind: "retry" })).why).toBe("budget");
  });

  test("are not paid here when another place's budget was drawn on, which has to be asked", () => {
    const machine = one();
    expect(ask(machine, { kind: "retry", budgetOf: "enam" }).kind).toBe("granted");
    expect(machine.drawExtra("retry")).toBe(false);
    for (let index = 0; index < 10; index += 1) machine.abandon(granted(ask(machine)).id, T0);
    expect(machine.drawExtra("retry")).toBe(true);
    machine.refundExtra("retry");
    expect(machine.drawExtra("retry")).toBe(true);
  });

  test("that waited in vain are given back", () => {
    const machine = one();
    for (let index = 0; index < 10; index += 1) machine.abandon(granted(ask(machine)).id, T0);
    fill(machine);
    const before = machine.view().budget.extraMilli;
    const { ticket } = queued(ask(machine, { kind: "retry" }));
    expect(machine.view().budget.extraMilli).toBe(before - 1_000);
    machine.abandon(ticket, T0);
    expect(machine.view().budget.extraMilli).toBe(before);
  });

  test("of kind fallback are no extras", () => {
    expect(ask(one(), { kind: "fallback" }).kind).toBe("granted");
  });
});

describe("automation", () => {
  test("gives way the more surely the closer its wait comes to what it can wait", () => {
    const machine = machineOf(regionOf({ a: {} }), seeded(12));
    fill(machine);
    const shed = (deadlineAtMs: number): number => {
      let count = 0;
      for (let index = 0; index < 400; index += 1) {
        const answer = ask(machine, { priority: "automation", deadlineAtMs });
        if (answer.kind === "queued") machine.abandon(answer.ticket, T0);
        else count += refused(answer).why === "shed" ? 1 : 0;
      }
      return count / 400;
    };
    expect(shed(T0 + 30_000)).toBeLessThan(0.02);
    expect(shed(T0 + 3_450)).toBeGreaterThan(0.5);
    expect(shed(T0 + 4_200)).toBeGreaterThan(0.05);
  });
});

describe("a lost release", () => {
  test("costs one lease time and blames nobody", () => {
    const machine = machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 1 } } }));
    const lease = granted(ask(machine, { timeoutMs: 3_000 }));
    expect(machine.tick(T0 + 5_999).expired).toEqual([]);
    expect(endpointView(machine, "a").free).toBe(0);
    expect(machine.tick(T0 + 6_000).expired).toEqual([lease.id]);
    expect(endpointView(machine, "a")).toMatchObject({ free: 1, failures: 0, consecutiveFailures: 0 });
  });

  test("that comes after all still counts as an outcome, and frees nothing twice", () => {
    const machine = one();
    const lease = granted(ask(machine, { timeoutMs: 3_000 }));
    machine.tick(T0 + 6_000);
    machine.release(lease.id, failed(BROKEN), T0 + 7_000, "a");
    machine.release(lease.id, failed(BROKEN), T0 + 7_000);
    expect(endpointView(machine, "a")).toMatchObject({ inUse: 0, failures: 1 });
  });

  test("wakes the machine: it says when it wants to be called", () => {
    const machine = one();
    expect(machine.tick(T0).nextWakeAtMs).toBeUndefined();
    const { effects } = machine.reserve(anAsk({ timeoutMs: 3_000 }), T0);
    expect(effects.nextWakeAtMs).toBe(T0 + 6_000);
    machine.reserve(anAsk({ timeoutMs: 3_000 }), T0);
    expect(machine.reserve(anAsk(), T0).effects.nextWakeAtMs).toBe(T0 + 250);
  });
});

describe("cut-off work", () => {
  const cancelled = (cause: "client_gone" | "deadline" = "client_gone") => failed({ reason: "cancelled", cause }, 300);

  test("frees the slot at once where cancelling is honoured", () => {
    const machine = one();
    machine.release(granted(ask(machine)).id, cancelled(), T0 + 300);
    expect(endpointView(machine, "a").inUse).toBe(0);
  });

  test("holds it until it would have been done where it is not", () => {
    const machine = machineOf(regionOf({ a: { honoursCancel: false } }));
    machine.release(granted(ask(machine)).id, cancelled(), T0 + 300);
    expect(endpointView(machine, "a").inUse).toBe(1);
    machine.tick(T0 + 2_199);
    expect(endpointView(machine, "a").inUse).toBe(1);
    expect(machine.tick(T0 + 2_200).expired).toEqual([]);
    expect(endpointView(machine, "a").inUse).toBe(0);
  });

  test("is not to be where that frees nothing and the pool is full to seven tenths: the slot says so", () => {
    const patience = (honoursCancel: boolean) => {
      const machine = machineOf(regionOf({ a: { honoursCancel, concurrency: { kind: "known", slots: 10 } } }));
      return Array.from(
        { length: 9 },
        (_, index) => granted(ask(machine, { requestId: `r${index}` })).patient ?? false,
      );
    };
    expect(patience(true)).toEqual(Array(9).fill(false));
    expect(patience(false)).toEqual([...Array(7).fill(false), true, true]);
  });

  test("is counted once where it ran on a credit", () => {
    const snapshot = regionOf({ a: { honoursCancel: false, concurrency: { kind: "known", slots: 4 } } });
    const machine = machineOf(snapshot);
    const credit = machine.credit({ isolateId: "i", model: "sd35-medium", slots: 2 }, T0).credit!;
    const use = { id: "1", endpoint: "a", creditId: credit.id };
    const started = { ...use, ask: anAsk(), startedAtMs: T0 };
    machine.report({ isolateId: "i", started: [started], ended: [] }, T0);
    machine.report({ isolateId: "i", started: [], ended: [{ ...use, outcome: cancelled() }] }, T0 + 300);
    expect(endpointView(machine, "a").inUse).toBe(2);
  });
});
