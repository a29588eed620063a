import { describe, expect, test } from "vitest";
import {
  affords,
  type Budget,
  draw,
  EMPTY_BUDGET,
  recordFirst,
  recordPreview,
  refund,
} from "../../routing/scheduler/budget.ts";
import { seeded } from "./support.ts";

const firsts = (count: number, budget: Budget = EMPTY_BUDGET, share = 0.1): Budget =>
  Array.from({ length: count }).reduce<Budget>((former) => recordFirst(former, share), budget);
const previews = (count: number, budget: Budget, refill = 0.05): Budget =>
  Array.from({ length: count }).reduce<Budget>((former) => recordPreview(former, refill), budget);

describe("budget", () => {
  test("affords the first retry after ten requests, exactly", () => {
    expect(affords(firsts(9), "retry")).toBe(false);
    expect(affords(firsts(10), "retry")).toBe(true);
    expect(affords(draw(firsts(10), "retry"), "retry")).toBe(false);
  });

  test("never lets extras exceed a tenth of the requests so far, whatever is tried", () => {
    const random = seeded(4);
    let budget = EMPTY_BUDGET;
    let requests = 0;
    let extras = 0;
    for (let step = 0; step < 20_000; step += 1) {
      if (random() < 0.5) {
        requests += 1;
        budget = recordPreview(recordFirst(budget, 0.1), 0.05);
      } else {
        const kind = random() < 0.5 ? "hedge" : "retry";
        if (affords(budget, kind)) {
          budget = draw(budget, kind);
          extras += 1;
        }
      }
      expect(extras).toBeLessThanOrEqual(requests * 0.1);
    }
    expect(extras).toBeGreaterThan(requests * 0.08);
  });

  test("saves up ten tokens at most, so that a calm day does not pay for a storm", () => {
    let budget = firsts(100_000);
    let drawn = 0;
    for (; affords(budget, "retry"); drawn += 1) budget = draw(budget, "retry");
    expect(drawn).toBe(10);
  });

  test("hedges only from more than half a purse, which fifty previews do not fill and fifty-one do", () => {
    expect(affords(previews(50, firsts(100)), "hedge")).toBe(false);
    expect(affords(previews(51, firsts(100)), "hedge")).toBe(true);
    expect(affords(draw(previews(51, firsts(100)), "hedge"), "hedge")).toBe(false);
  });

  test("hedges at most one preview in twenty, and draws on the common budget too", () => {
    let budget = previews(1_000, firsts(1_000));
    let hedges = 0;
    for (let request = 0; request < 1_000; request += 1) {
      budget = previews(1, firsts(1, budget));
      if (!affords(budget, "hedge")) continue;
      budget = draw(budget, "hedge");
      hedges += 1;
    }
    expect(hedges).toBeLessThanOrEqual(50 + 3);
    expect(affords({ extraMilli: 0, hedgeMilli: 5_000 }, "hedge")).toBe(false);
  });

  test("gives back what was not used", () => {
    const budget = previews(60, firsts(60));
    expect(refund(draw(budget, "hedge"), "hedge")).toEqual(budget);
    expect(refund(draw(budget, "retry"), "retry")).toEqual(budget);
  });
});
