/** Quantities with their units. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseQuantity, type QuantityName } from "../../routing/config/units.ts";

const GOOD: readonly [QuantityName, string, number][] = [
  ["duration", "300ms", 300],
  ["duration", "8s", 8000],
  ["duration", "2.3s", 2300],
  ["duration", "10m", 600_000],
  ["duration", "48h", 172_800_000],
  ["duration", "1d", 86_400_000],
  ["duration", "0s", 0],
  ["duration", " 8 s ", 8000],
  ["bytes", "4MB", 4_000_000],
  ["bytes", "4MiB", 4_194_304],
  ["bytes", "512KiB", 524_288],
  ["bytes", "1kB", 1000],
  ["bytes", "16B", 16],
  ["pixels", "4MP", 4_000_000],
  ["pixels", "1.1MP", 1_100_000],
  ["pixels", "16px", 16],
  ["share", "5%", 0.05],
  ["share", "7%", 0.07],
  ["share", "0.1%", 0.001],
  ["share", "100%", 1],
  ["level", "120%", 1.2],
  ["money", "$0.039", 0.039],
  ["money", "$2", 2],
  ["quantile", "p95", 0.95],
  ["quantile", "p99.9", 0.999],
  ["factor", "1.5x", 1.5],
  ["factor", "4x", 4],
];

/** What is refused, and the hint. */
const BAD: readonly [QuantityName, unknown, string][] = [
  ["duration", 8, "did you mean `8s`?"],
  ["duration", "8", "did you mean `8s`?"],
  ["duration", "8sec", "write it like `8s`"],
  ["duration", "8S", "write it like `8s`"],
  ["duration", "-8s", "write it like `8s`"],
  ["duration", "1e3s", "write it like `8s`"],
  ["duration", ".5s", "write it like `8s`"],
  ["duration", "1.2.3s", "write it like `8s`"],
  ["duration", "s", "write it like `8s`"],
  ["duration", "8toString", "write it like `8s`"],
  ["duration", "0.5ms", "`0.5ms` has a part smaller than the smallest unit"],
  ["duration", "400d", "`400d` is out of range"],
  ["duration", null, "write it like `8s`"],
  ["duration", ["8s"], "write it like `8s`"],
  ["bytes", "4M", "write it like `4MiB`"],
  ["bytes", "4mb", "write it like `4MiB`"],
  ["pixels", 4, "did you mean `4MP`?"],
  ["pixels", "1024x1024", "write it like `4MP`"],
  ["share", 0.05, "did you mean `5%`?"],
  ["share", 5, "did you mean `5%`?"],
  ["share", "101%", "`101%` is out of range"],
  ["money", 0.039, "did you mean `$0.039`?"],
  ["money", "0.039$", "write it like `$0.039`"],
  ["money", "€1", "write it like `$0.039`"],
  ["quantile", 95, "did you mean `p95`?"],
  ["quantile", 0.95, "did you mean `p95`?"],
  ["quantile", "95%", "write it like `p95`"],
  ["quantile", "p40", "`p40` is out of range"],
  ["quantile", "p100", "`p100` is out of range"],
  ["factor", "0.5x", "`0.5x` is out of range"],
  ["factor", 1.5, "did you mean `1.5x`?"],
];

describe("a quantity", () => {
  it.each(GOOD)("%s %s is %d", (name, text, value) => {
    expect(parseQuantity(name, text)).toEqual({ ok: true, value });
  });

  it.each(BAD)("%s %j is refused: %s", (name, raw, hint) => {
    const parsed = parseQuantity(name, raw);
    expect(parsed).toMatchObject({ ok: false, hint });
  });

  it("reads whole percentages as written, without a rounding error", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), (percent) => {
        expect(parseQuantity("share", `${percent}%`)).toEqual({ ok: true, value: percent / 100 });
      }),
      { seed: 1 },
    );
  });

  it("refuses anything else without throwing", () => {
    const names = ["duration", "bytes", "pixels", "share", "money", "quantile", "factor"] as const;
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.anything(), (name, raw) => {
        const parsed = parseQuantity(name, raw);
        expect(parsed.ok && typeof raw !== "string").toBe(false);
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});
