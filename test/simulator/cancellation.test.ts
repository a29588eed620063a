import { describe, expect, it } from "vitest";
import type { SimulatedEndpoint } from "../../infra/gpu/simulator/index.ts";
import { anEndpoint, ENDLESS, start, until } from "./start.ts";

/** Endless pictures on one slot; each returned function makes its client leave. */
async function busy(changes: Partial<SimulatedEndpoint>, clients: number) {
  const { base, control } = await start([anEndpoint({ slots: 1, ...changes })], { timeScale: ENDLESS });
  const leave: (() => void)[] = [];
  for (let client = 0; client < clients; client += 1) {
    const leaving = new AbortController();
    leave.push(() => leaving.abort());
    void fetch(`${base}/generate`, { signal: leaving.signal }).catch(() => undefined);
    await until(() => control.stateOf("weur-a").running + control.stateOf("weur-a").waiting === client + 1);
  }
  return { leave, state: () => control.stateOf("weur-a") };
}

describe("a client that leaves", () => {
  it("takes its waiting request out of the queue", async () => {
    const { leave, state } = await busy({ honourCancel: false }, 3);
    leave[2]?.();
    await until(() => state().aborted === 1);
    expect(state()).toMatchObject({ running: 1, waiting: 1, dropped: 1, stopped: 0, abandoned: 0 });
  });

  it("stops its running picture where cancellation is honoured, and the next one starts", async () => {
    const { leave, state } = await busy({ honourCancel: true }, 2);
    leave[0]?.();
    await until(() => state().aborted === 1);
    expect(state()).toMatchObject({ running: 1, waiting: 0, stopped: 1, abandoned: 0 });
    expect(state().lastRequests.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  it("leaves the GPU busy where cancellation is not honoured", async () => {
    const { leave, state } = await busy({ honourCancel: false }, 2);
    leave[0]?.();
    await until(() => state().aborted === 1);
    expect(state()).toMatchObject({ running: 1, waiting: 1, stopped: 0, abandoned: 1 });
  });
});

describe("many clients at once", () => {
  it("are all served, in slots, first come first served", async () => {
    const { base, control } = await start([anEndpoint({ slots: 2 })]);
    const answers = await Promise.all(Array.from({ length: 24 }, () => fetch(`${base}/generate`)));
    const lengths = new Set(await Promise.all(answers.map(async (answer) => (await answer.arrayBuffer()).byteLength)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(lengths.size).toBe(1);
    expect(control.stateOf("weur-a")).toMatchObject({ completed: 24, running: 0, waiting: 0, requests: 24 });
  });
});
