import { describe, expect, it } from "vitest";
import type { PinMemory } from "../../routing/execute/ports.ts";
import { aPng } from "../support/pictures.ts";
import { lookingDialect } from "../support/plain-dialect.ts";
import type { Answer } from "../support/scripted-upstream.ts";
import { aLeg, aWorld, expectNothingLeft, failureOf, PIN, picture, pictureOf, sibling, trailOf } from "./world.ts";

const silent = (parts: Answer = {}): Answer => {
  const { headers: _none, ...answer } = picture(parts);
  return answer;
};
const says = (text: string, parts: Answer = {}): Answer => ({
  chunks: [{ bytes: new TextEncoder().encode(text) }],
  ...parts,
});

/** Remembers for ever. */
function pinMemory(): PinMemory {
  const known = new Map<string, Promise<string | undefined>>();
  return {
    look(endpoint, load) {
      const pin = known.get(endpoint) ?? load();
      known.set(endpoint, pin);
      return pin;
    },
  };
}

describe("pins", () => {
  it("never serves a picture of another version, and blames the endpoint", async () => {
    const world = aWorld({ endpoints: { "weur-a": picture({ pin: "m@ffffffffffff" }) } });
    const result = failureOf(await world.run());
    const mismatch = { reason: "pin_mismatch", expected: PIN, reported: "m@ffffffffffff" };
    expect(result.failure).toMatchObject({ code: "upstream_failed", cause: mismatch });
    expect(world.scheduler.releases[0]?.outcome.result).toEqual({ ok: false, failure: mismatch });
    expectNothingLeft(world);
  });

  it("says unverified when nobody says which version it was", async () => {
    const world = aWorld({ endpoints: { "weur-a": silent() } });
    const result = pictureOf(await world.run());
    expect(result.pin).toBe("unverified");
    expect(await result.finished).toMatchObject({ whole: true, verified: false });
  });

  it("believes the response and does not look", async () => {
    const world = aWorld({ endpoints: { "weur-a": picture() }, dialect: lookingDialect });
    const result = pictureOf(await world.run());
    expect(result.pin).toBe("verified");
    expect(await result.finished).toMatchObject({ whole: true, verified: true });
    expect(world.upstream.calls.length).toBe(1);
  });

  describe("with a look beside the render", () => {
    const looked = (look: Answer, render: Answer = silent({ afterMs: 1_000 })) =>
      aWorld({
        endpoints: { "weur-a": render, "look-weur-a": look, "enam-a": silent(), "look-enam-a": says(PIN) },
        legs: [aLeg(), sibling()],
        dialect: lookingDialect,
        ports: { pins: pinMemory() },
      });

    it("verifies by it, without waiting longer than the render", async () => {
      const world = looked(says(PIN, { afterMs: 50 }));
      expect(pictureOf(await world.run())).toMatchObject({ endpoint: "weur-a", pin: "verified" });
      expect(world.upstream.calls.map((seen) => seen.atMs - world.startedAtMs)).toEqual([0, 0]);
      expect(world.elapsedMs()).toBe(1_000);
      expectNothingLeft(world);
    });

    it("releases no byte before a late look has answered", async () => {
      const world = looked(says(PIN, { afterMs: 3_000 }));
      expect(pictureOf(await world.run()).pin).toBe("verified");
      expect(world.elapsedMs()).toBe(3_000);
    });

    it("goes elsewhere when it finds another version, however good the picture", async () => {
      const world = looked(says("m@ffffffffffff", { afterMs: 3_000 }));
      const result = pictureOf(await world.run());
      expect(trailOf(result)).toEqual(["weur-a pin_mismatch", "enam-a ok"]);
      expect(result.pin).toBe("verified");
    });

    it.each([
      ["fails", { does: "refuse" } as const],
      ["answers with an error", { status: 500 }],
      ["says nothing", says("")],
    ])("serves unverified when the look %s", async (_what, look) => {
      expect(pictureOf(await looked(look).run())).toMatchObject({ endpoint: "weur-a", pin: "unverified" });
    });

    it("serves unverified when the look does not answer within the attempt's time", async () => {
      const world = looked({ does: "hang" });
      expect(pictureOf(await world.run())).toMatchObject({ endpoint: "weur-a", pin: "unverified" });
      expect(world.elapsedMs()).toBe(6_700);
      expect(world.upstream.callsTo("look-weur-a")[0]?.aborted).toBe(true);
      expectNothingLeft(world);
    });

    it("stops waiting for the look when the client leaves", async () => {
      const world = looked({ does: "hang" });
      const answer = world.start();
      await world.clock.advance(2_000);
      world.client.abort("client_gone");
      expect(failureOf(await answer).failure.code).toBe("client_gone");
      expectNothingLeft(world);
    });

    it("lets go of a large picture that waits for the look when the client leaves", async () => {
      const large = { ...silent({ chunks: [{ bytes: aPng(1_600, 1_600) }], ends: "stall" }), deaf: true } as const;
      const request = { prompt: "", width: 1_600, height: 1_600, seed: 1, text: [], format: "png" } as const;
      const world = aWorld({
        endpoints: { "weur-a": large, "look-weur-a": { does: "hang" } },
        policy: { headBytes: 300_000 },
        dialect: lookingDialect,
        ports: { pins: pinMemory() },
        input: { request },
      });
      const answer = world.start();
      await world.clock.advance(2_000);
      world.client.abort("client_gone");
      expect(failureOf(await answer).failure.code).toBe("client_gone");
      await world.clock.advance(100);
      expect(world.upstream.callsTo("weur-a")[0]?.bodyCancelled).toBe(true);
      expectNothingLeft(world);
    });

    it("looks once for many pictures", async () => {
      const pins = pinMemory();
      const world = aWorld({
        endpoints: { "weur-a": silent(), "look-weur-a": says(PIN) },
        dialect: lookingDialect,
        ports: { pins },
      });
      for (const _time of [1, 2, 3]) expect(pictureOf(await world.run()).pin).toBe("verified");
      expect(world.upstream.callsTo("look-weur-a").length).toBe(1);
    });

    it("makes no look where there is no memory to keep it in", async () => {
      const world = aWorld({ endpoints: { "weur-a": silent(), "look-weur-a": says(PIN) }, dialect: lookingDialect });
      expect(pictureOf(await world.run()).pin).toBe("unverified");
      expect(world.upstream.callsTo("look-weur-a")).toEqual([]);
    });
  });
});
