/** Cloudflare's KV through wrangler: which commands are run, and how their answers are read. */
import { describe, expect, it } from "vitest";
import { openRemoteStore } from "../../infra/cli/remote-store.ts";
import { StoreFault } from "../../infra/cli/store-fault.ts";

/** A wrangler that gives one answer and remembers what it was asked. */
function aWrangler(answer: { readonly exitCode?: number; readonly stdout?: string; readonly stderr?: string }) {
  const { exitCode = 0, stdout = "", stderr = "" } = answer;
  const asked: (readonly string[])[] = [];
  const store = openRemoteStore(async (args) => {
    asked.push(args);
    return { exitCode, stdout, output: stderr + stdout };
  });
  return { store, asked };
}

describe("the remote store", () => {
  it("reads a value from stdout alone, whatever wrangler says beside it", async () => {
    const { store, asked } = aWrangler({ stdout: '{"version":"1"}\n', stderr: "a warning\n" });
    expect(await store.get("config/current")).toBe('{"version":"1"}');
    expect(asked).toEqual([["kv", "key", "get", "config/current", "--text", "--binding", "CONFIG", "--remote"]]);
  });

  it.each([
    ["in wrangler's words", { stdout: "Value not found\n" }],
    ["in the API's words", { exitCode: 1, stderr: "A request failed: get: 'key not found' [code: 10009]" }],
  ])("has no value where it is told so %s", async (_what, answer) => {
    expect(await aWrangler(answer).store.get("config/current")).toBeUndefined();
  });

  it("fails in the store's own words when it cannot be reached", async () => {
    const { store } = aWrangler({ exitCode: 1, stderr: "You are not authenticated" });
    await expect(store.get("config/current")).rejects.toThrow(new StoreFault("You are not authenticated"));
    await expect(store.list("config/log/")).rejects.toThrow(new StoreFault("You are not authenticated"));
    expect(await store.put("key", "value")).toBe("You are not authenticated");
    expect(await store.remove("key")).toBe("You are not authenticated");
  });

  it("does not take a value that says nothing for an empty list", async () => {
    await expect(aWrangler({ stdout: "<html>" }).store.list("config/log/")).rejects.toThrow(StoreFault);
  });

  it("writes through a file, with metadata and an end", async () => {
    const { store, asked } = aWrangler({});
    expect(await store.put("key", "value", { metadata: { author: "ada" }, ttlSeconds: 60 })).toBeUndefined();
    expect(asked[0]).toEqual([
      ...["kv", "key", "put", "key", "--path", expect.stringContaining("value.json")],
      ...["--metadata", '{"author":"ada"}', "--ttl", "60", "--binding", "CONFIG", "--remote"],
    ]);
  });

  it("lists keys with their metadata", async () => {
    const keys = [{ name: "config/log/1-a", metadata: { author: "ada" } }];
    expect(await aWrangler({ stdout: JSON.stringify(keys) }).store.list("config/log/")).toEqual(keys);
  });
});
