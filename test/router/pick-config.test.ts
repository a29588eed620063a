/** Whom a staged push serves. */
import { describe, expect, it } from "vitest";
import { createConfigStore, type ServedConfig } from "../../functions/router/adapters/config-store.ts";
import { type Client, pickConfig } from "../../functions/router/adapters/pick-config.ts";
import {
  type ConfigPointer,
  type ConfigStage,
  CURRENT_CONFIG_KEY,
  configKey,
  type LiveStage,
  POINTER_SCHEMA,
  parsePointer,
  toSnapshotJson,
} from "../../routing/authoring.ts";
import { aSnapshot } from "../support/snapshot.ts";

const former = aSnapshot({ version: "00000000000000a1" });
const newer = aSnapshot({ version: "00000000000000a2" });

function aPointer(rollout: ConfigStage): ConfigPointer {
  const { version } = newer;
  return {
    schema: POINTER_SCHEMA,
    version,
    message: "",
    author: "ada",
    pushedAtMs: 500,
    previous: former.version,
    rollout,
  };
}

const staged = (rollout: ConfigStage): ServedConfig => ({
  snapshot: former,
  source: "kv",
  pointer: aPointer(rollout),
  staged: newer,
});

const SHARE = (share: number): ConfigStage => ({ kind: "share", share, salt: "config" });
const address = (index: number) => `2001:db8::${index.toString(16)}`;
const pickedAt = (share: number) =>
  Array.from({ length: 4_000 }, (_, index) => address(index)).filter(
    (unit) => pickConfig(staged(SHARE(share)), { unit, location: {} }).snapshot === newer,
  );

describe("a push staged to a share", () => {
  it("serves that share of the clients, and only adds to them as it grows", () => {
    const [tenth, third] = [pickedAt(0.1), pickedAt(0.3)];
    expect(tenth.length / 4_000).toBeCloseTo(0.1, 1);
    expect(third.length / 4_000).toBeCloseTo(0.3, 1);
    expect(new Set(third).isSupersetOf(new Set(tenth))).toBe(true);
    expect(pickedAt(0.1)).toEqual(tenth);
  });

  it("serves clients of whom nothing is known by the former version", () => {
    expect(pickConfig(staged(SHARE(0.99)), { unit: undefined, location: {} }).snapshot).toBe(former);
  });

  it("shows the rest an earlier time than the picked, for the places' schedulers keep the latest", () => {
    const rest = pickConfig(staged(SHARE(0.5)), { unit: undefined, location: {} });
    expect(rest.pointer).toMatchObject({ version: former.version, pushedAtMs: 499 });
    expect(rest).not.toHaveProperty("staged");
  });
});

describe("a push under judgement", () => {
  const judge = { ramp: [0.1, 0.5], mode: "enforce", minRequests: 500, minHours: 1 } as const;
  const judged = staged({ kind: "share", share: 0.1, salt: "a1-a2", judge });
  const live = (share: number, recording = true): LiveStage => ({
    ...{ kind: "config", name: "config-a2", pushedAtMs: 500 },
    ...{ share, recording },
  });
  const newerShare = (now: LiveStage | undefined) =>
    Array.from({ length: 2_000 }, (_, index) => address(index)).filter((unit) => {
      const client = { unit, location: {}, ...(now === undefined ? {} : { live: now }) };
      return pickConfig(judged, client).snapshot === newer;
    }).length / 2_000;

  it("goes by the share that its judgement allows, not by the pointer's", () => {
    expect(newerShare(live(0.5))).toBeCloseTo(0.5, 1);
    expect([newerShare(live(0, false)), newerShare(live(1, false))]).toEqual([0, 1]);
  });

  it("serves everybody by the former version while nobody knows how it stands", () => {
    expect(newerShare(undefined)).toBe(0);
    expect(pickConfig(judged, { unit: "a", location: {} }).stage?.recorded).toBeUndefined();
  });

  it("records each client under its arm, and those that chose apart", () => {
    const pick = (parts: Partial<Client>) =>
      pickConfig(judged, { unit: "a", location: {}, live: live(0.5), ...parts }).stage?.recorded;
    expect(pick({})).toMatchObject({ experiment: "config-a2", share: 0.5, unit: expect.any(Number) });
    expect(pick({})).not.toHaveProperty("excluded");
    expect(pick({ forced: newer.version })).toMatchObject({ arm: "canary", excluded: "forced" });
    expect(pick({ forced: former.version })).toMatchObject({ arm: "baseline", excluded: "forced" });
    expect(pick({ unit: undefined })).toMatchObject({ arm: "baseline", excluded: "no-unit" });
    expect(pick({ live: live(0, false) })).toBeUndefined();
  });

  it("keeps the former version and the pointer at hand for whoever records", () => {
    const { stage } = pickConfig(judged, { unit: "a", location: {}, live: live(1) });
    expect(stage).toMatchObject({ former, pointer: { version: newer.version, pushedAtMs: 500 } });
  });
});

describe("a push staged to regions", () => {
  const pick = (country: string) =>
    pickConfig(staged({ kind: "regions", regions: ["apac"] }), { unit: "any", location: { country } });

  it("serves those at home there", () => {
    expect(pick("JP").snapshot).toBe(newer);
    expect(pick("JP").pointer).toMatchObject({ version: newer.version });
    expect(pick("FR").snapshot).toBe(former);
  });
});

describe("the store during a staged push", () => {
  const values = new Map<string, string>();
  const open = () =>
    createConfigStore({
      kv: { get: async (key) => values.get(key) ?? null },
      bundled: aSnapshot({ version: "00000000000000b0" }),
      clock: { nowMs: () => 1_000, sleep: () => new Promise(() => undefined) },
    });
  const push = (rollout: unknown) =>
    values.set(CURRENT_CONFIG_KEY, JSON.stringify({ ...aPointer(SHARE(0.1)), rollout }));

  it("has both versions at hand", async () => {
    for (const one of [former, newer]) values.set(configKey(one.version), toSnapshotJson(one));
    push(SHARE(0.1));
    const served = await open().current(() => undefined);
    expect([served.snapshot.version, served.staged?.version]).toEqual([former.version, newer.version]);
  });

  it("keeps what it has while one of them cannot be read", async () => {
    values.delete(configKey(former.version));
    expect(await open().current(() => undefined)).toMatchObject({ source: "bundled", problem: "document_missing" });
  });

  it.each([
    [{ kind: "share", share: 2, salt: "config" }],
    [{ kind: "share", share: 0.1 }],
    [{ kind: "regions", regions: "apac" }],
    [{ kind: "else" }],
    [{ kind: "share", share: 0.1, salt: "s", judge: {} }],
    [{ kind: "share", share: 0.1, salt: "s", judge: { ramp: [], mode: "enforce", minRequests: 1, minHours: 1 } }],
    [{ kind: "share", share: 0.1, salt: "s", judge: { ramp: [0], mode: "enforce", minRequests: 1, minHours: 1 } }],
    [{ kind: "share", share: 0.1, salt: "s", judge: { ramp: [0.1], mode: "maybe", minRequests: 1, minHours: 1 } }],
    [null],
  ])("takes no stage such as %j", (rollout) => {
    push(rollout);
    expect(parsePointer(values.get(CURRENT_CONFIG_KEY) ?? "")).toMatchObject({ ok: false });
  });
});
