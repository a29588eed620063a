/** What a diff and a replay say, over snapshots in memory. */
import { describe, expect, it } from "vitest";
import { diffSnapshots } from "../../infra/cli/config-diff/diff-snapshots.ts";
import { givenRequests } from "../../infra/cli/config-diff/given-requests.ts";
import { parseRecording, type Recorded } from "../../infra/cli/config-diff/recording.ts";
import { createComparison, sumUp } from "../../infra/cli/config-diff/replay.ts";
import { compareSnapshots, showDiff } from "../../infra/cli/show-diff.ts";
import type { Snapshot } from "../../routing/authoring.ts";
import { someFeatures } from "../support/features.ts";
import { aRoute, aSnapshot, type SnapshotOverrides } from "../support/snapshot.ts";

const before = aSnapshot();
const after = (overrides: SnapshotOverrides): Snapshot => aSnapshot({ ...overrides, version: "0000000000000002" });
const lines = (overrides: SnapshotOverrides) =>
  diffSnapshots(before, after(overrides)).map(({ kind, text }) => `${kind} ${text}`);

/** The default routes, previews by another model. */
const swapped = before.content.routing.routes.map((route) =>
  route.name === "preview" ? { ...route, model: "nano-banana" } : route,
);

describe("a diff in words", () => {
  it("has nothing to say about equal content", () => {
    expect(lines({})).toEqual([]);
    expect(showDiff(compareSnapshots(before, after({})), false)).toContain("Nothing differs");
  });

  it.each<[string, SnapshotOverrides, string[]]>([
    ["a route's model", { routes: swapped }, ["changed route `preview`: nano-banana serves, before sd35-medium"]],
    [
      "a new route",
      { routes: [aRoute({ name: "poster", match: { countries: ["FR"] } }), ...before.content.routing.routes] },
      ["added route `poster`: takes in FR, served by sd35-medium under fast-preview"],
    ],
    [
      "the order of routes",
      { routes: before.content.routing.routes.toReversed() },
      ["changed routes are tried in another order: draft-art, high-res-export, preview, compositing"],
    ],
    [
      "a policy",
      { policies: { "fast-preview": { deadlineMs: 9_000, sloMs: 8_000, fallback: [{ step: "stale" }] } } },
      [
        "changed policy `fast-preview`: deadlineMs 9000, before 8000; fallback stale, before sibling-region → faster-model → any-region → stale",
      ],
    ],
    [
      "a pin",
      { models: { "nano-banana": { pin: "v2" } } },
      ["changed model `nano-banana`: pin v2, before nano-banana@000000000000"],
    ],
    [
      "an endpoint that is gone",
      { endpoints: { "apac-nano-banana": null } },
      ["removed endpoint `apac-nano-banana`: nano-banana in apac, 2 slots"],
    ],
    [
      "where the rest goes",
      { defaultRoute: { kind: "route", route: "preview" } },
      ["changed what no route matches goes to route `preview`, before to cluster `gpu-cluster`"],
    ],
  ])("tells of %s", (_what, overrides, expected) => {
    expect(lines(overrides)).toEqual(expected);
  });

  it("never shows an address", () => {
    const said = lines({ endpoints: { "weur-sd35-medium": { url: "https://secret-host.test/key" } } });
    expect(said).toEqual(["changed endpoint `weur-sd35-medium`: another address"]);
  });

  it("tries one request of each kind and says who is served otherwise", () => {
    const words = showDiff(compareSnapshots(before, after({ routes: swapped })), false);
    expect(words).toContain("undeclared, from weur");
    expect(words).toContain(
      "preview: sd35-medium in weur under fast-preview  →  preview: nano-banana in weur under fast-preview",
    );
    expect(givenRequests(before, before).length).toBeGreaterThan(30);
  });

  it("says when nobody is served otherwise", () => {
    const same = after({ models: { "nano-banana": { pin: "v2" } } });
    expect(showDiff(compareSnapshots(before, same), false)).toContain("go the same way as before");
  });
});

const recorded = (parts: Partial<Recorded["features"]> = {}): Recorded => ({
  features: someFeatures(parts),
  location: { country: "DE" },
});

describe("a recording", () => {
  const line = (value: object) => JSON.stringify({ event: "request-features", schema: 1, ...value });

  it("is read out of a log with other lines between", () => {
    const text = [
      "some words",
      `[log] ${line({ features: someFeatures({ purpose: "preview" }), location: { country: "FR" }, steps: 8 })}`,
      '{"event":"request-features","schema":1',
      line({ schema: 99, features: someFeatures() }),
      "",
    ].join("\n");
    expect(parseRecording(text)).toEqual({
      requests: [{ features: someFeatures({ purpose: "preview" }), location: { country: "FR" }, steps: 8 }],
      badLines: [3, 4],
    });
  });

  it("goes through both versions as the router would decide", () => {
    const compare = createComparison(before, after({ routes: swapped }));
    const preview = compare(recorded());
    expect(preview).toMatchObject({
      changed: true,
      before: { ok: true, served: { route: "preview", model: "sd35-medium", region: "weur" } },
      after: { ok: true, served: { model: "nano-banana" } },
    });
    expect(compare(recorded({ hasQuotedText: true }))).toMatchObject({
      changed: false,
      before: { ok: true, served: { route: "compositing" } },
    });
    expect(compare(recorded({ purpose: "nothing" }))).toMatchObject({
      changed: false,
      before: { ok: false, code: "invalid_request" },
    });
  });

  it("sums up shares, cost and time", () => {
    const cheaper = after({ routes: swapped, models: { "nano-banana": { price: { perImageUsd: 0.02 } } } });
    const compare = createComparison(before, cheaper);
    const summary = sumUp([recorded(), recorded(), recorded(), recorded({ purpose: "draft-art" })].map(compare));
    expect(summary).toMatchObject({
      requests: 4,
      moved: 0.75,
      models: { "sd35-medium": { before: 0.75, after: 0 }, "nano-banana": { before: 0.25, after: 1 } },
      regions: { weur: { before: 1, after: 1 } },
      refused: { before: 0, after: 0 },
    });
    expect(summary.costUsd.after).toBeCloseTo(0.02);
    expect(summary.latencyMs.after).toBeLessThan(summary.latencyMs.before);
  });

  it("counts with measured times where there are some", () => {
    const measured = () => ({ q50Ms: 100, q75Ms: 123, q95Ms: 200 });
    const [plain, live] = [undefined, measured].map((times) => createComparison(before, before, times)(recorded()));
    expect(live?.before).toMatchObject({ ok: true, served: { latencyMs: 123 } });
    expect(plain?.before).not.toMatchObject({ ok: true, served: { latencyMs: 123 } });
  });
});
