import { beforeEach, describe, expect, it } from "vitest";
import { createConfigStore } from "../../functions/router/adapters/config-store.ts";
import {
  CURRENT_CONFIG_KEY,
  configKey,
  POINTER_SCHEMA,
  type Snapshot,
  toSnapshotJson,
} from "../../routing/authoring.ts";
import { aSnapshot } from "../support/snapshot.ts";

const bundled: Snapshot = { ...aSnapshot(), version: "00000000000000b0" };
const pushed: Snapshot = { ...aSnapshot(), version: "00000000000000a1" };
const newer: Snapshot = { ...aSnapshot(), version: "00000000000000a2" };

let nowMs = 0;
let kv: Map<string, string> | "down";
let reads: string[];
let running: Promise<unknown>[];

beforeEach(() => {
  nowMs = 1_000;
  kv = new Map();
  reads = [];
  running = [];
});

function open() {
  const store = createConfigStore({
    kv: {
      get: async (key) => {
        reads.push(key);
        if (kv === "down") throw new Error("unreachable");
        return kv.get(key) ?? null;
      },
    },
    bundled,
    clock: { nowMs: () => nowMs, sleep: () => new Promise(() => undefined) },
  });
  return () => store.current((work) => running.push(work));
}

function push(snapshot: Snapshot) {
  if (kv === "down") kv = new Map();
  kv.set(configKey(snapshot.version), toSnapshotJson(snapshot));
  kv.set(
    CURRENT_CONFIG_KEY,
    JSON.stringify({ schema: POINTER_SCHEMA, version: snapshot.version, message: "m", author: "a", pushedAtMs: 500 }),
  );
}

describe("the config store", () => {
  it("serves what was pushed to a fresh isolate's first request", async () => {
    push(pushed);
    expect(await open()()).toMatchObject({
      snapshot: { version: pushed.version },
      source: "kv",
      pointer: { message: "m" },
    });
  });

  it("looks again after eight seconds, behind the request's back, and not before", async () => {
    push(pushed);
    const current = open();
    await current();
    push(newer);
    nowMs += 7_999;
    expect(await current()).toMatchObject({ snapshot: { version: pushed.version } });
    expect(reads).toHaveLength(2);
    nowMs += 1;
    const stale = current();
    expect(stale).not.toBeInstanceOf(Promise);
    expect(stale).toMatchObject({ snapshot: { version: pushed.version } });
    await Promise.all(running);
    expect(current()).toMatchObject({ snapshot: { version: newer.version } });
  });

  it("reads the document of an unchanged version once", async () => {
    push(pushed);
    const current = open();
    await current();
    nowMs += 8_000;
    current();
    await Promise.all(running);
    expect(reads).toEqual([CURRENT_CONFIG_KEY, configKey(pushed.version), CURRENT_CONFIG_KEY]);
  });

  it("serves the bundled snapshot to a fresh isolate when KV is down, and says so", async () => {
    kv = "down";
    expect(await open()()).toMatchObject({ snapshot: bundled, source: "bundled", problem: "kv_unreachable" });
  });

  it("serves the bundled snapshot when a fresh isolate's KV does not answer at all", async () => {
    const store = createConfigStore({
      kv: { get: () => new Promise(() => undefined) },
      bundled,
      clock: { nowMs: () => nowMs, sleep: async () => undefined },
    });
    expect(await store.current(() => undefined)).toMatchObject({ snapshot: bundled, source: "bundled" });
  });

  it.each([
    ["the pointer is garbage", () => (kv as Map<string, string>).set(CURRENT_CONFIG_KEY, "<html>"), "pointer_garbled"],
    ["the pointer is gone", () => (kv as Map<string, string>).delete(CURRENT_CONFIG_KEY), "nothing_pushed"],
    ["the document is missing", () => (kv as Map<string, string>).delete(configKey(newer.version)), "document_missing"],
    [
      "the document is garbage",
      () => (kv as Map<string, string>).set(configKey(newer.version), "{}"),
      "document_garbled",
    ],
    [
      "the document is of another version",
      () => (kv as Map<string, string>).set(configKey(newer.version), toSnapshotJson(pushed)),
      "document_garbled",
    ],
    ["KV is down", () => (kv = "down"), "kv_unreachable"],
  ])("keeps the last good snapshot when %s, and says so", async (_, breakIt, problem) => {
    push(pushed);
    const current = open();
    await current();
    push(newer);
    breakIt();
    nowMs += 8_000;
    current();
    await Promise.all(running);
    expect(current()).toMatchObject({ snapshot: { version: pushed.version }, source: "kv", problem });
  });

  it("comes back by itself when KV does", async () => {
    kv = "down";
    const current = open();
    await current();
    push(pushed);
    nowMs += 8_000;
    current();
    await Promise.all(running);
    const served = current();
    expect(served).toMatchObject({ snapshot: { version: pushed.version }, source: "kv" });
    expect(served).not.toHaveProperty("problem");
  });
});
