/** The order of a push: a document that everybody can read, before anybody is pointed at it. */
import { describe, expect, it } from "vitest";
import type { ConfigStore } from "../../infra/cli/config-store.ts";
import { pushSnapshot } from "../../infra/cli/push-snapshot.ts";
import { parsePointer, parseSnapshot } from "../../routing/authoring.ts";
import { aSnapshot } from "../support/snapshot.ts";

/** Remembers what was put; refuses the keys named. */
function aStore(refused: readonly string[] = []): ConfigStore & { readonly puts: [string, string][] } {
  const puts: [string, string][] = [];
  return {
    puts,
    put: async (key, value) => {
      if (refused.includes(key)) return "no such namespace";
      puts.push([key, value]);
      return undefined;
    },
  };
}

const push = {
  snapshot: { ...aSnapshot(), version: "0123456789abcdef" },
  message: "previews get 10 s",
  author: "ada",
  pushedAtMs: 1_790_000_000_000,
};

describe("a push", () => {
  it("writes the version, then the pointer to it", async () => {
    const store = aStore();
    expect(await pushSnapshot(store, push)).toEqual({ ok: true });
    const [[documentKey, document], [pointerKey, pointer]] = store.puts as [[string, string], [string, string]];
    expect([documentKey, pointerKey]).toEqual(["config/0123456789abcdef", "config/current"]);
    expect(parseSnapshot(document)).toEqual({ ok: true, value: push.snapshot });
    const { snapshot: _snapshot, ...said } = push;
    expect(parsePointer(pointer)).toEqual({ ok: true, value: { schema: 1, version: "0123456789abcdef", ...said } });
  });

  it("leaves the pointer alone when the version cannot be written", async () => {
    const store = aStore(["config/0123456789abcdef"]);
    expect(await pushSnapshot(store, push)).toEqual({ ok: false, failed: "document", reason: "no such namespace" });
    expect(store.puts).toEqual([]);
  });

  it("says so when only the pointer cannot be written", async () => {
    const store = aStore(["config/current"]);
    expect(await pushSnapshot(store, push)).toEqual({ ok: false, failed: "pointer", reason: "no such namespace" });
  });
});
