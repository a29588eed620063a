/** The order of a push, and two pushes at once. */
import { describe, expect, it } from "vitest";
import { type Push, type Pushed, pushSnapshot } from "../../infra/cli/push-snapshot.ts";
import { CURRENT_CONFIG_KEY, parsePointer, parseSnapshot } from "../../routing/authoring.ts";
import { aSnapshot } from "../support/snapshot.ts";
import { aStore } from "./memory-store.ts";

const AT_MS = 1_790_000_000_000;

function aPush(parts: Partial<Push> & { readonly version?: string } = {}): Push {
  const { version = "0123456789abcdef", ...rest } = parts;
  return {
    snapshot: { ...aSnapshot(), version },
    message: "previews get 10 s",
    author: "ada",
    pushedAtMs: AT_MS,
    seen: undefined,
    ...rest,
  };
}

const KEYS = ["config/0123456789abcdef", "config/log/1790000000000-0123456789abcdef", "config/current"];

describe("a push", () => {
  it("writes the version, the history, then the pointer, and leaves no claim behind", async () => {
    const store = aStore();
    expect(await pushSnapshot(store, aPush())).toMatchObject({ ok: true });
    expect(store.puts).toEqual(KEYS);
    expect([...store.values.keys()].sort()).toEqual([...KEYS].sort());
    expect(parseSnapshot(store.values.get(KEYS[0] as string) ?? "")).toMatchObject({ ok: true });
    const said = { version: "0123456789abcdef", message: "previews get 10 s", author: "ada", pushedAtMs: AT_MS };
    expect(parsePointer(store.values.get(CURRENT_CONFIG_KEY) ?? "")).toEqual({
      ok: true,
      value: { schema: 1, ...said },
    });
    expect(store.metadata.get(KEYS[1] as string)).toEqual({ message: "previews get 10 s", author: "ada" });
  });

  it("keeps the history's words within what a key's metadata holds", async () => {
    const store = aStore();
    await pushSnapshot(store, aPush({ message: "é".repeat(2_000), author: "ada".repeat(200) }));
    expect(Buffer.byteLength(JSON.stringify(store.metadata.get(KEYS[1] as string)))).toBeLessThan(1_024);
    expect(store.values.get(CURRENT_CONFIG_KEY)).toContain("é".repeat(2_000));
  });

  it.each([
    ["the version", KEYS[0], "document", []],
    ["the history", KEYS[1], "log", [KEYS[0]]],
  ])("leaves the pointer alone when %s cannot be written", async (_what, refused, failed, puts) => {
    const store = aStore([refused as string]);
    expect(await pushSnapshot(store, aPush())).toEqual({ ok: false, failed, reason: "no such namespace" });
    expect(store.puts).toEqual(puts);
  });

  it("does not tell the history of a push whose pointer could not be written", async () => {
    const store = aStore(["config/current"]);
    expect(await pushSnapshot(store, aPush())).toEqual({ ok: false, failed: "pointer", reason: "no such namespace" });
    expect([...store.values.keys()]).toEqual([KEYS[0]]);
  });

  it("changes nothing when the pointer is not the one that the person saw", async () => {
    const store = aStore();
    store.values.set(CURRENT_CONFIG_KEY, "another");
    expect(await pushSnapshot(store, aPush({ seen: "the former" }))).toEqual({
      ok: false,
      failed: "overtaken",
      found: "another",
    });
    expect(store.puts).toEqual([]);
  });
});

describe("two pushes at once", () => {
  const later = () => aPush({ version: "fedcba9876543210", author: "grace", pushedAtMs: AT_MS + 1 });

  /** Waiting lets everybody else take a turn, and no time pass. */
  const turn = () => new Promise((done) => setImmediate(done));

  it("let one win and refuse the other, wherever they meet", async () => {
    const outcomes = new Set<string>();
    for (const [mine, other] of [
      [aPush(), later()],
      [later(), aPush()],
    ] as const) {
      for (let moment = 1; moment < 12; moment++) {
        const store = aStore();
        let calls = 0;
        let meeting: Promise<Pushed> | undefined;
        store.before = () => {
          calls += 1;
          if (calls === moment) meeting = pushSnapshot(store, other, turn);
        };
        const first = await pushSnapshot(store, mine, turn);
        const second = await (meeting ?? pushSnapshot(store, other, turn));
        const winners = [first, second].filter(({ ok }) => ok).length;
        expect({ moment, winners }).toEqual({ moment, winners: 1 });
        const logged = [...store.values.keys()].filter((key) => key.startsWith("config/log/"));
        expect(logged).toHaveLength(1);
        const pointer = parsePointer(store.values.get(CURRENT_CONFIG_KEY) ?? "");
        expect(pointer.ok && logged[0]?.endsWith(pointer.value.version)).toBe(true);
        for (const one of [first, second]) if (!one.ok) outcomes.add(one.failed);
      }
    }
    expect([...outcomes].sort()).toEqual(["busy", "overtaken"]);
  });
});
