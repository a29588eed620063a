import { describe, expect, it } from "vitest";
import { lookAgain } from "../../routing/execute/look-again.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { type Answer, scriptedUpstream } from "../support/scripted-upstream.ts";
import { aModel, anEndpoint, aSnapshot } from "../support/snapshot.ts";

const PIN = "m@000000000000";

async function look(
  reason: string,
  parts: {
    readonly answer?: Answer;
    readonly dialect?: "openai-images" | "gemini";
    readonly secret?: string;
    readonly key?: string;
  } = {},
) {
  const { answer = { does: "hang" }, dialect = "openai-images", secret, key } = parts;
  const snapshot = aSnapshot({
    models: { m: aModel({ id: "m", dialect, pin: PIN }) },
    endpoints: {
      "weur-a": anEndpoint({ id: "weur-a", model: "m", dialect, ...(secret === undefined ? {} : { secret }) }),
    },
  });
  const clock = createFakeClock();
  const upstream = scriptedUpstream(clock, { "weur-a": answer });
  const looking = lookAgain({
    endpoint: "weur-a",
    reason,
    snapshot,
    ports: { upstream, secret: () => key },
    signal: new AbortController().signal,
  });
  const seen = await clock.runUntil(looking);
  return { seen, calls: upstream.calls.length };
}

const lists = (...ids: readonly string[]): Answer => ({
  chunks: [{ bytes: new TextEncoder().encode(JSON.stringify({ data: ids.map((id) => ({ id })) })) }],
});

describe("a look at an endpoint that is out", () => {
  it.each(["pin_mismatch", "model_gone", "unauthorized"])(
    "brings it back from %s when it lists the pinned version",
    async (reason) => {
      expect(await look(reason, { answer: lists("other", PIN) })).toEqual({ seen: { ok: true }, calls: 1 });
    },
  );

  it("keeps it out while it lists another version", async () => {
    expect((await look("pin_mismatch", { answer: lists("m@111111111111") })).seen).toEqual({
      ok: false,
      reason: "pin_mismatch",
    });
  });

  it.each([
    ["does not answer with a list", { status: 500 }],
    ["refuses the connection", { does: "refuse" }],
  ] as const)("says nothing when it %s", async (_name, answer) => {
    expect((await look("pin_mismatch", { answer })).seen).toBeUndefined();
  });

  it("asks nothing where a list of models cannot tell, or the protocol has none", async () => {
    expect(await look("quota_exhausted")).toEqual({ seen: undefined, calls: 0 });
    expect(await look("pin_mismatch", { dialect: "gemini" })).toEqual({ seen: undefined, calls: 0 });
  });

  it("knows of a missing key without asking, and of one that is there now", async () => {
    expect(await look("secret_missing", { secret: "KEY" })).toEqual({
      seen: { ok: false, reason: "secret_missing" },
      calls: 0,
    });
    expect(await look("secret_missing", { secret: "KEY", key: "k" })).toEqual({ seen: { ok: true }, calls: 0 });
    expect(await look("unauthorized", { secret: "KEY" })).toEqual({
      seen: { ok: false, reason: "secret_missing" },
      calls: 0,
    });
  });
});
