/** An endpoint that serves another version than its pin, in virtual time: out while it does, and back by itself when it is put right. */
import { describe, expect, it } from "vitest";
import { type Asked, createWorld, SIDE } from "../../infra/simulate/virtual/world.ts";
import { shippedSnapshot } from "../support/stack.ts";

const snapshot = await shippedSnapshot();
const DRIFTED = "weur-sd35-a";

describe("a drifted endpoint", () => {
  it("is out, draws nothing that is passed on, and comes back without anybody's help", async () => {
    const world = await createWorld({ snapshot, seed: 1 });
    const served: { readonly atMs: number; readonly endpoint: string }[] = [];
    const failed: string[] = [];
    const send = (index: number): void => {
      const ask: Asked["ask"] = {
        ...{ prompt: "a fox", purpose: "preview", text: [], seed: index, exportFlag: false },
        ...{ preferredFormat: "webp", format: "webp", width: SIDE, height: SIDE },
      };
      const { signal } = new AbortController();
      const asked = { id: `p${index}`, ask, location: { continent: "EU" }, automation: false, signal };
      void world.send(asked).then(({ result, endedAtMs }) => {
        if (result.ok) served.push({ atMs: endedAtMs, endpoint: result.endpoint });
        else failed.push(result.failure.code);
      });
    };
    const lastsMs = 180_000;
    const wrongMs = { from: 20_000, to: 60_000 };
    for (let atMs = 0; atMs < lastsMs; atMs += 500) world.time.after(atMs, () => send(atMs / 500));
    world.time.after(wrongMs.from, () => world.gpus.faults.set(DRIFTED, [{ kind: "wrong-pin" }]));
    world.time.after(wrongMs.to, () => world.gpus.faults.clear(DRIFTED));
    const stateOf = () =>
      world.places
        .get("weur")
        ?.machine()
        .view()
        .endpoints.find(({ id }) => id === DRIFTED);

    const servedBy = (fromMs: number, toMs: number) =>
      served.filter(({ atMs, endpoint }) => endpoint === DRIFTED && atMs > fromMs && atMs < toMs).length;
    await world.time.run(wrongMs.from);
    expect(servedBy(0, wrongMs.from)).toBeGreaterThan(5);
    await world.time.run(wrongMs.to);
    expect(stateOf()).toMatchObject({ state: "out", reason: "pin_mismatch" });
    // What was drawn before the drift may still come in.
    expect(servedBy(wrongMs.from + 3_000, wrongMs.to)).toBe(0);
    await world.time.run(lastsMs + 30_000);
    expect(stateOf()?.state).toBe("closed");
    expect(servedBy(wrongMs.to, lastsMs)).toBeGreaterThan(5);
    expect(failed).toEqual([]);
    expect(served).toHaveLength(lastsMs / 500);
  });
});
