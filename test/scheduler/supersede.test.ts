import { describe, expect, test } from "vitest";
import { claimNewest, MAX_KEYS, type Newest, scopedKey } from "../../routing/scheduler/supersede.ts";
import { anAsk, T0 } from "./support.ts";

const ask = (requestId: string, startedAtMs?: number, kind: "first" | "fallback" = "first") =>
  anAsk({ requestId, kind, supersedeKey: "s/1", ...(startedAtMs === undefined ? {} : { startedAtMs }) });

describe("supersede", () => {
  test("the request that began later wins, in whatever order they arrive", () => {
    const known = new Map<string, Newest>();
    expect(claimNewest(known, "k", ask("new", T0 + 10), T0)).toBe(true);
    expect(claimNewest(known, "k", ask("old", T0), T0 + 50)).toBe(false);
    expect(claimNewest(known, "k", ask("newer", T0 + 20), T0 + 60)).toBe(true);
  });

  test("the same request may ask again, as retry, fallback or hedge", () => {
    const known = new Map<string, Newest>();
    claimNewest(known, "k", ask("one", T0), T0);
    expect(claimNewest(known, "k", ask("one", T0, "fallback"), T0 + 900)).toBe(true);
  });

  test("without a start time, the later first ask wins and a later fallback does not", () => {
    const known = new Map<string, Newest>();
    expect(claimNewest(known, "k", ask("one"), T0)).toBe(true);
    expect(claimNewest(known, "k", ask("two"), T0 + 5)).toBe(true);
    expect(claimNewest(known, "k", ask("one", undefined, "fallback"), T0 + 9)).toBe(false);
  });

  test("tenants do not supersede each other, and exports take no part", () => {
    expect(scopedKey(anAsk({ tenant: "a", supersedeKey: "s" }))).not.toBe(
      scopedKey(anAsk({ tenant: "b", supersedeKey: "s" })),
    );
    expect(scopedKey(anAsk({ supersedeKey: "s", priority: "export" }))).toBeUndefined();
    expect(scopedKey(anAsk())).toBeUndefined();
  });

  test("remembers a bounded number of keys", () => {
    const known = new Map<string, Newest>();
    for (let key = 0; key < MAX_KEYS + 100; key += 1) claimNewest(known, `k${key}`, ask("r", T0), T0);
    expect(known.size).toBe(MAX_KEYS);
  });
});
