/** Two people push at the same moment, over the command line and a KV on disk: one wins, the other hears why, nothing is lost. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConfigStore } from "../../infra/cli/config-store.ts";
import { openLocalStore } from "../../infra/cli/local-store.ts";
import { type Pushed, pushSnapshot } from "../../infra/cli/push-snapshot.ts";
import { type ConfigPointer, CURRENT_CONFIG_KEY, configKey, parsePointer } from "../../routing/authoring.ts";
import { shippedSnapshot } from "../support/stack.ts";
import { galley, type Ran, ROOT } from "./galley.ts";

let state: string;
let store: ConfigStore;
beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), "galley-pushers-"));
  store = await openLocalStore(join(state, "kv"));
});
afterAll(async () => {
  await store.close();
  await rm(state, { recursive: true, force: true });
});

/** Pushes previews under this deadline, as another person in another process. */
async function theyPush(seconds: number): Promise<Ran> {
  const shipped = await readFile(join(ROOT, "routing/model-routing.yml"), "utf8");
  const file = join(state, `routing-${seconds}.yml`);
  await writeFile(file, shipped.replace("deadline: 8s", `deadline: ${seconds}s`));
  const person = ["-m", `${seconds} s`, "--author", `person-${seconds}`];
  return galley("config", "push", file, ...person, "--persist-to", join(state, "kv"));
}

/** Pushes over what stands there now; `meanwhile` runs before the pointer is written. */
async function wePush(seconds: number, meanwhile: () => Promise<void>): Promise<Pushed> {
  const snapshot = await shippedSnapshot(undefined, ({ routing, catalog }) => ({
    routing: routing.replace("deadline: 8s", `deadline: ${seconds}s`),
    catalog,
  }));
  const seen = await store.get(CURRENT_CONFIG_KEY);
  const { version: previous } = await pointerNow();
  const met: ConfigStore = {
    ...store,
    async put(key, value, options) {
      if (key === CURRENT_CONFIG_KEY) await meanwhile();
      return store.put(key, value, options);
    },
  };
  const push = { snapshot, message: "ours", author: "us", pushedAtMs: Date.now(), seen, previous };
  return pushSnapshot(met, push);
}

async function pointerNow(): Promise<ConfigPointer> {
  const parsed = parsePointer((await store.get(CURRENT_CONFIG_KEY)) ?? "");
  if (!parsed.ok) throw new Error(parsed.failure.detail);
  return parsed.value;
}

/** Each push of the history went over the one before it, the last one is in force, and every document is there. */
async function expectNothingLost(pushes: number): Promise<void> {
  const keys = (await store.list("config/log/")).map(({ name }) => name);
  const texts = await Promise.all(keys.map((key) => store.get(key)));
  const history = texts.map((text) => parsePointer(text ?? "")).flatMap((one) => (one.ok ? [one.value] : []));
  expect(history).toHaveLength(pushes);
  expect(history.map(({ previous }) => previous)).toEqual([
    undefined,
    ...history.slice(0, -1).map(({ version }) => version),
  ]);
  expect(history.at(-1)).toEqual(await pointerNow());
  for (const { version } of history) expect(await store.get(configKey(version))).toContain(version);
  expect(await store.list("config/claim/")).toEqual([]);
}

describe("two pushes at once", () => {
  it("refuse the one that comes while the other is at work, which goes through", async () => {
    expect((await theyPush(8)).exitCode).toBe(0);
    let refused: Ran | undefined;
    const ours = await wePush(9, async () => {
      refused = await theyPush(10);
    });
    expect(ours).toMatchObject({ ok: true });
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
    expect(refused?.stderr).toContain("Nothing was pushed: another push is at work.");
    await expectNothingLost(2);
  }, 120_000);

  it("refuse the one that looked before the other had pushed", async () => {
    const [seen, { version: previous }] = [await store.get(CURRENT_CONFIG_KEY), await pointerNow()];
    expect((await theyPush(11)).exitCode).toBe(0);
    const snapshot = await shippedSnapshot();
    const late = { snapshot, message: "", author: "us", pushedAtMs: Date.now(), seen, previous };
    expect(await pushSnapshot(store, late)).toMatchObject({ ok: false, failed: "overtaken" });
    expect(await pointerNow()).toMatchObject({ author: "person-11" });
    await expectNothingLost(3);
  }, 120_000);

  it("leave one history behind when they start in the same moment, whoever wins", async () => {
    const both = await Promise.all([theyPush(12), theyPush(13)]);
    const won = both.filter(({ exitCode }) => exitCode === 0);
    expect(won.length).toBeGreaterThanOrEqual(1);
    for (const { exitCode, stderr } of both)
      if (exitCode !== 0) expect(stderr).toMatch(/nothing was (pushed|changed)/i);
    await expectNothingLost(3 + won.length);
  }, 120_000);
});
