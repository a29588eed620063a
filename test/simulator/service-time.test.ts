import { describe, expect, it } from "vitest";
import { chanceFrom } from "../../infra/gpu/simulator/chance.ts";
import { FAMILIES } from "../../infra/gpu/simulator/families.ts";
import { createMachine } from "../../infra/gpu/simulator/machine.ts";
import { drawServiceMs, meanServiceMs } from "../../infra/gpu/simulator/service-time.ts";

const { timing } = FAMILIES["sd3.5-medium"];
const load = { steps: 28, pixels: 1_000_000, pictures: 1 };

describe("service time", () => {
  it("grows with steps and pixels as overhead + steps × step + decoding", () => {
    const exact = { overheadMs: 100, stepMs: 10, stepMsPerMegapixel: 20, decodeMsPerMegapixel: 50, spread: 0 };
    expect(meanServiceMs(exact, { steps: 10, pixels: 2_000_000, pictures: 1 })).toBe(100 + 10 * 50 + 100);
    expect(meanServiceMs(exact, { steps: 10, pixels: 2_000_000, pictures: 3 })).toBe(100 + 3 * 600);
  });

  it("spreads by a few per cent around its mean", () => {
    const chance = chanceFrom("spread");
    const draws = Array.from({ length: 4000 }, () => drawServiceMs(timing, load, { chance }));
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    const deviation = Math.sqrt(draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length);
    expect(Math.abs(mean / meanServiceMs(timing, load) - 1)).toBeLessThan(0.005);
    expect(deviation / mean).toBeGreaterThan(0.02);
    expect(deviation / mean).toBeLessThan(0.05);
  });

  it("now and then strays by seconds, in the share that was set", () => {
    const chance = chanceFrom("strays");
    const stragglers = { share: 0.1, extraMs: [10_000, 20_000] as const };
    const draws = Array.from({ length: 4000 }, () => drawServiceMs(timing, load, { chance, stragglers }));
    const strays = draws.filter((value) => value > 9_000);
    expect(strays.length / draws.length).toBeGreaterThan(0.08);
    expect(strays.length / draws.length).toBeLessThan(0.12);
  });
});

/** Mean wait of a simulated queue with Poisson arrivals, ms. */
function meanWaitMs(queue: {
  slots: number;
  utilisation: number;
  serviceMs: (chance: () => number) => number;
  jobs: number;
}): number {
  const machine = createMachine({ slots: queue.slots, honourCancel: true });
  const chance = chanceFrom("arrivals", queue.slots, queue.utilisation);
  const gapMs = 100 / (queue.slots * queue.utilisation);
  const waits: number[] = [];
  let nowMs = 0;
  for (let id = 0; id < queue.jobs; id += 1) {
    nowMs += -Math.log(1 - chance()) * gapMs;
    machine.arrive({ id, serviceMs: queue.serviceMs(chance) }, nowMs);
    waits.push(...machine.advance(nowMs).ended.map(({ waitedMs }) => waitedMs));
  }
  return waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
}

describe("the queue, against theory", () => {
  it("waits as M/D/1 says: ρS / (2(1 − ρ))", () => {
    const measured = meanWaitMs({ slots: 1, utilisation: 0.7, serviceMs: () => 100, jobs: 300_000 });
    const theory = (0.7 * 100) / (2 * 0.3);
    expect(Math.abs(measured / theory - 1)).toBeLessThan(0.05);
  });

  it("waits as M/M/c says (Erlang C)", () => {
    const slots = 4;
    const load = 4 * 0.8;
    const terms = Array.from({ length: slots }, (_, k) => load ** k / factorial(k));
    const last = (load ** slots / factorial(slots)) * (slots / (slots - load));
    const waitShare = last / (terms.reduce((sum, term) => sum + term, 0) + last);
    const theory = (waitShare * 100) / (slots * (1 - 0.8));
    const measured = meanWaitMs({
      slots,
      utilisation: 0.8,
      serviceMs: (chance) => -Math.log(1 - chance()) * 100,
      jobs: 300_000,
    });
    expect(Math.abs(measured / theory - 1)).toBeLessThan(0.05);
  });
});

function factorial(number: number): number {
  return number <= 1 ? 1 : number * factorial(number - 1);
}
