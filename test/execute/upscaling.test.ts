import { describe, expect, it } from "vitest";
import type { Dialect } from "../../routing/dialects/dialect.ts";
import { aPng } from "../support/pictures.ts";
import { plainDialect } from "../support/plain-dialect.ts";
import { aModel } from "../support/snapshot.ts";
import {
  aLeg,
  aWorld,
  expectNothingLeft,
  failureOf,
  hangs,
  PIN,
  picture,
  pictureOf,
  SIDE,
  sibling,
  status,
  trailOf,
  type WorldParts,
} from "./world.ts";

const sent: { kind: string; width: number; image: number | undefined; mask: boolean }[] = [];
/** Remembers what it was asked for; an upscaler doubles the picture that it is given. */
const dialect: Dialect = {
  ...plainDialect,
  begin(work, target) {
    const { request } = work;
    sent.push({
      kind: work.model.kind,
      width: request.width,
      image: request.image?.bytes.length,
      mask: request.mask !== undefined,
    });
    return plainDialect.begin(work, target);
  },
};

const upscaler = aModel({
  id: "up",
  kind: "upscale",
  pin: "up@1",
  capabilities: { ...aModel({ id: "x" }).capabilities, upscaleFactor: 2 },
  expected: { p50Ms: 500, p95Ms: 800 },
});
const small = picture({ side: SIDE / 2, afterMs: 1_000 });
const enlarged = picture({ pin: "up@1", afterMs: 600 });

/** A leg whose pictures are drawn at half the size and doubled. The leg that keeps the upscaler's endpoint in the catalogue is never begun. */
function upscaled(parts: Omit<WorldParts, "models">) {
  sent.length = 0;
  const rest = parts.legs ?? [];
  const up = aLeg({ kind: "successor", model: "up", candidates: ["weur-up"] });
  return aWorld({
    dialect,
    ...parts,
    legs: [aLeg({ upscale: true, minMs: 2_000 }), ...rest, up],
    models: { up: upscaler },
  });
}

describe("upscaling", () => {
  it("draws small, enlarges, and serves the asked size", async () => {
    const world = upscaled({ endpoints: { "weur-a": small, "weur-up": enlarged } });
    const result = pictureOf(await world.run());
    expect(world.elapsedMs()).toBe(1_600);
    expect(sent).toEqual([
      { kind: "generate", width: SIDE / 2, image: undefined, mask: false },
      { kind: "upscale", width: SIDE, image: aPng(SIDE / 2, SIDE / 2).length, mask: false },
    ]);
    expect(result.picture).toMatchObject({ width: SIDE, height: SIDE });
    expect(result).toMatchObject({ endpoint: "weur-a", pin: "verified", leg: { model: "m", upscale: true } });
    expect(trailOf(result)).toEqual(["weur-a ok", "weur-up ok"]);
    expectNothingLeft(world);
  });

  it("gives the mask to the first model only", async () => {
    const inline = { bytes: aPng(16, 16), format: "png" } as const;
    const request = {
      prompt: "",
      width: SIDE,
      height: SIDE,
      seed: 1,
      text: [],
      format: "png",
      image: inline,
      mask: inline,
    } as const;
    await upscaled({ endpoints: { "weur-a": small, "weur-up": enlarged }, input: { request } }).run();
    expect(sent.map(({ kind, mask }) => [kind, mask])).toEqual([
      ["generate", true],
      ["upscale", false],
    ]);
  });

  it("is unverified when either version is", async () => {
    const { headers: _silent, ...unsaid } = small;
    expect(pictureOf(await upscaled({ endpoints: { "weur-a": unsaid, "weur-up": enlarged } }).run()).pin).toBe(
      "unverified",
    );
  });

  it("keeps time for the enlarging", async () => {
    const world = upscaled({ endpoints: { "weur-a": hangs, "weur-up": enlarged }, deadlineMs: 6_300 });
    failureOf(await world.run());
    expect(world.upstream.calls[0]?.call.headers["x-timeout-ms"]).toBe(String(6_000 - 800));
  });

  it.each([
    ["fails", status(500), "upstream_error"],
    ["makes the wrong size", picture({ pin: "up@1", side: 32 }), "bad_picture"],
    ["is another version", picture({ pin: "up@2" }), "pin_mismatch"],
  ])("goes on with the next leg when the upscaler %s", async (_what, answer, reason) => {
    const world = upscaled({
      endpoints: { "weur-a": small, "weur-up": answer, "enam-a": picture({ pin: PIN }) },
      legs: [sibling()],
    });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["weur-a ok", `weur-up ${reason}`, "enam-a ok"]);
    expect(result.degraded).toEqual({ what: "region", reason: reason.replaceAll("_", "-") });
    expectNothingLeft(world);
  });

  it("stops the enlarging when the client leaves", async () => {
    const world = upscaled({ endpoints: { "weur-a": small, "weur-up": hangs } });
    const answer = world.start();
    await world.clock.advance(1_500);
    world.client.abort("client_gone");
    expect(failureOf(await answer).failure.code).toBe("client_gone");
    expect(world.upstream.callsTo("weur-up")[0]).toMatchObject({ aborted: true, abortReason: "client_gone" });
    expectNothingLeft(world);
  });

  it("draws at the asked size where no upscaler stands", async () => {
    const world = aWorld({ endpoints: { "weur-a": picture() }, legs: [aLeg({ upscale: true })] });
    expect(pictureOf(await world.run()).picture.width).toBe(SIDE);
  });
});
