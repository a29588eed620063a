/** When a condition takes everything that another one takes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { includes } from "../../routing/config/conditions.ts";
import type { Condition } from "../../routing/config/snapshot.ts";

const ROWS: readonly [wide: Condition, narrow: Condition, included: boolean][] = [
  [{}, {}, true],
  [{}, { hasText: true }, true],
  [{ hasText: true }, {}, false],
  [{ hasText: true }, { hasText: false }, false],
  [{ purposes: ["a", "b"] }, { purposes: ["b"] }, true],
  [{ purposes: ["a"] }, { purposes: ["a", "b"] }, false],
  [{ purposes: ["a"] }, {}, false],
  [{ tenants: ["a"] }, { tenants: ["b"] }, false],
  [{ countries: ["FR", "NO"] }, { countries: ["NO"], tenants: ["a"] }, true],
  [{ countries: ["FR"] }, { countries: ["NO"] }, false],
  [{ minPixels: 100 }, { minPixels: 100 }, true],
  [{ minPixels: 100 }, { minPixels: 99 }, false],
  [{ minPixels: 100 }, { maxPixels: 200 }, false],
  [{ maxPixels: 100 }, { maxPixels: 100, minPixels: 5 }, true],
  [{ maxPixels: 100 }, { maxPixels: 101 }, false],
  [{ maxPixels: 100 }, {}, false],
];

/** A request as far as these conditions see it. */
interface Seen {
  readonly purpose: string;
  readonly tenant: string;
  readonly hasText: boolean;
  readonly pixels: number;
}

function holds(condition: Condition, seen: Seen): boolean {
  return (
    (condition.purposes?.includes(seen.purpose) ?? true) &&
    (condition.tenants?.includes(seen.tenant) ?? true) &&
    (condition.hasText === undefined || condition.hasText === seen.hasText) &&
    seen.pixels >= (condition.minPixels ?? 0) &&
    seen.pixels <= (condition.maxPixels ?? Number.POSITIVE_INFINITY)
  );
}

const words = fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1 });
const conditions: fc.Arbitrary<Condition> = fc.record(
  {
    purposes: words,
    tenants: words,
    hasText: fc.boolean(),
    minPixels: fc.integer({ min: 1, max: 9 }),
    maxPixels: fc.integer({ min: 1, max: 9 }),
  },
  { requiredKeys: [] },
);
const requests: fc.Arbitrary<Seen> = fc.record({
  purpose: fc.constantFrom("a", "b", "c"),
  tenant: fc.constantFrom("a", "b", "c"),
  hasText: fc.boolean(),
  pixels: fc.integer({ min: 1, max: 9 }),
});

describe("a condition", () => {
  it.each(ROWS)("%j and %j: %s", (wide, narrow, included) => {
    expect(includes(wide, narrow)).toBe(included);
  });

  it("that includes another holds for every request that the other holds for", () => {
    fc.assert(
      fc.property(conditions, conditions, requests, (wide, narrow, seen) => {
        if (includes(wide, narrow) && holds(narrow, seen)) expect(holds(wide, seen)).toBe(true);
      }),
      { seed: 3, numRuns: 3000 },
    );
  });
});
