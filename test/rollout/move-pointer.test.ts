/** The pointer of a staged push, moved by the object that judged it: by the protocol of every push, and only while it is its own. */
import { describe, expect, it } from "vitest";
import { movePointer, type PointerMove } from "../../functions/rollout/move-pointer.ts";
import { CURRENT_CONFIG_KEY, POINTER_SCHEMA, parsePointer } from "../../routing/authoring.ts";
import { aStore, type MemoryStore } from "../cli/memory-store.ts";

const AT_MS = 1_790_000_000_000;
const [baseline, candidate] = ["00000000000000a1", "00000000000000a2"];

const MOVE: PointerMove = {
  ...{ to: "former", baseline, candidate, pushedAtMs: AT_MS },
  ...{ message: "rolled back", author: "galley" },
};

function staged(store: MemoryStore): void {
  const pointer = {
    ...{ schema: POINTER_SCHEMA, version: candidate, previous: baseline, message: "try", author: "ada" },
    ...{ pushedAtMs: AT_MS, rollout: { kind: "share", share: 0.1, salt: "s" } },
  };
  store.values.set(CURRENT_CONFIG_KEY, JSON.stringify(pointer));
}

const move = (store: MemoryStore, parts: Partial<PointerMove> = {}, nowMs = AT_MS + 60_000) =>
  movePointer({ ...MOVE, ...parts }, { store, nowMs, mark: "abcd", wait: async () => undefined });

const pointerIn = (store: MemoryStore) => {
  const parsed = parsePointer(store.values.get(CURRENT_CONFIG_KEY) ?? "");
  return parsed.ok ? parsed.value : undefined;
};

describe("moving the pointer", () => {
  it("goes back to the former version for everybody, with a line in the history and no document", async () => {
    const store = aStore();
    staged(store);
    expect(await move(store)).toBe("moved");
    const said = { version: baseline, previous: candidate, message: "rolled back", author: "galley" };
    expect(pointerIn(store)).toEqual({ schema: POINTER_SCHEMA, ...said, pushedAtMs: AT_MS + 60_000 });
    expect(store.puts).toEqual([`config/log/${AT_MS + 60_000}-${baseline}`, CURRENT_CONFIG_KEY]);
  });

  it("goes on to the newer one", async () => {
    const store = aStore();
    staged(store);
    expect(await move(store, { to: "newer" })).toBe("moved");
    expect(pointerIn(store)).toMatchObject({ version: candidate, previous: baseline });
    expect(pointerIn(store)?.rollout).toBeUndefined();
  });

  it("is later than the push, whatever the clock says", async () => {
    const store = aStore();
    staged(store);
    await move(store, {}, AT_MS - 5_000);
    expect(pointerIn(store)?.pushedAtMs).toBe(AT_MS + 2);
  });

  it("changes nothing a second time", async () => {
    const store = aStore();
    staged(store);
    await move(store);
    const after = store.values.get(CURRENT_CONFIG_KEY);
    expect(await move(store)).toBe("overtaken");
    expect(store.values.get(CURRENT_CONFIG_KEY)).toBe(after);
  });

  it("leaves another push alone, also one of the same version and one that comes at the last moment", async () => {
    const store = aStore();
    staged(store);
    expect(await move(store, { pushedAtMs: AT_MS - 1 })).toBe("overtaken");
    let looks = 0;
    store.before = (call, key) => {
      if (call !== "get" || key !== CURRENT_CONFIG_KEY) return;
      looks += 1;
      if (looks === 2) store.values.set(CURRENT_CONFIG_KEY, "another");
    };
    expect(await move(store)).toBe("overtaken");
    expect(store.values.get(CURRENT_CONFIG_KEY)).toBe("another");
  });

  it("comes again later while somebody pushes, and when the store fails", async () => {
    const store = aStore();
    staged(store);
    store.values.set(`config/claim/${AT_MS}-0000`, "grace");
    expect(await move(store)).toBe("again");
    const broken = aStore([CURRENT_CONFIG_KEY]);
    staged(broken);
    expect(await move(broken)).toBe("again");
  });
});
