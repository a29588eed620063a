import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClientLocation } from "../../routing/region/client-location.ts";
import { distanceKm } from "../../routing/region/distance.ts";
import { createRegions } from "../../routing/region/regions.ts";
import { aSnapshot, type SnapshotOverrides } from "../support/snapshot.ts";

const home = (location: ClientLocation, overrides: SnapshotOverrides = {}) =>
  createRegions(aSnapshot(overrides)).home(location);

const singapore = { latitude: 1.3, longitude: 103.8 };

describe("a client's home region", () => {
  it("is the region of its data centre, whatever the country says", () => {
    expect(home({ colo: "SIN", country: "DE", continent: "EU" })).toEqual({ region: "apac", by: "colo" });
  });

  it("is the region of its country when no region claims the data centre", () => {
    expect(home({ colo: "ZZZ", country: "JP", continent: "EU" })).toEqual({ region: "apac", by: "country" });
  });

  it("is the region of its continent when no region claims the country", () => {
    expect(home({ country: "BR", continent: "SA", ...singapore })).toEqual({ region: "enam", by: "continent" });
  });

  it("is the nearest region when no region claims the continent", () => {
    expect(home({ continent: "AN", ...singapore })).toEqual({ region: "apac", by: "distance" });
  });

  it("is the nearest region across the date line", () => {
    const places = { apac: { latitude: 35, longitude: 179 }, enam: { latitude: 39, longitude: -77.5 } };
    expect(home({ latitude: 35, longitude: -179 }, { places }).region).toBe("apac");
  });

  it("is the first region when nothing is known", () => {
    expect(home({})).toEqual({ region: "weur", by: "default" });
  });

  it("is the first region of the file when nothing is known and the JSON has lost that order", () => {
    const { content, ...rest } = aSnapshot();
    const catalog = { ...content.catalog, regionOrder: ["enam", "apac"] };
    const regions = createRegions({ ...rest, content: { ...content, catalog } });
    expect(regions.home({})).toEqual({ region: "enam", by: "default" });
    expect(regions.home({ colo: "AMS" })).toEqual({ region: "weur", by: "colo" });
  });

  it.each([
    ["not a number", { latitude: Number.NaN, longitude: 103 }],
    ["out of range", { latitude: 91, longitude: 103 }],
    ["infinite", { latitude: 1, longitude: Number.POSITIVE_INFINITY }],
    ["half missing", { latitude: 1.3 }],
  ])("is not guessed from coordinates that are %s", (_what, location) => {
    expect(home(location).by).toBe("default");
  });

  it("is never a region without coordinates by distance", () => {
    const places = { apac: { colos: [] }, me: { continents: [] } };
    expect(home(singapore, { places })).toEqual({ region: "apac", by: "distance" });
  });

  it("is the first region that claims a code which two claim", () => {
    expect(home({ country: "DE" }, { places: { enam: { countries: ["DE"] } } }).region).toBe("weur");
  });

  it("is a cluster when there is no region at all", () => {
    expect(home({ colo: "AMS" }, { places: { weur: null, enam: null, apac: null } })).toEqual({
      region: "gpu-cluster",
      by: "default",
    });
  });

  it("exists for any location", () => {
    const regions = createRegions(aSnapshot());
    const odd = fc.record(
      {
        colo: fc.string(),
        country: fc.string(),
        continent: fc.string(),
        latitude: fc.double(),
        longitude: fc.double(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(odd, (location) => {
        expect(["weur", "enam", "apac"]).toContain(regions.home(location).region);
      }),
      { seed: 2, numRuns: 200 },
    );
  });
});

describe("siblings of a region", () => {
  it("come in the catalogue's order", () => {
    expect(createRegions(aSnapshot()).siblings("apac")).toEqual(["weur", "enam"]);
  });

  it("come by distance where the catalogue says nothing, those without a place on the map last", () => {
    const places = { "a-nowhere": {}, weur: { fallback: [] } };
    expect(createRegions(aSnapshot({ places })).siblings("weur")).toEqual(["enam", "apac", "a-nowhere"]);
  });

  it("start with the declared ones and go on by distance", () => {
    const places = { weur: { fallback: ["apac"] } };
    expect(createRegions(aSnapshot({ places })).siblings("weur")).toEqual(["apac", "enam"]);
  });

  it("never hold the region itself or a cluster", () => {
    const places = { weur: { fallback: ["weur", "gpu-cluster", "enam"] } };
    expect(createRegions(aSnapshot({ places })).siblings("weur")).toEqual(["enam", "apac"]);
  });
});

describe("candidates", () => {
  it("are the endpoints of one model in one place", () => {
    const { candidates } = createRegions(aSnapshot());
    expect(candidates("sd35-medium", "enam")).toEqual(["enam-sd35-medium"]);
    expect(candidates("nano-banana-pro", "enam")).toEqual([]);
  });

  it("come best first: known capacity, then honoured cancels, then room, then the name", () => {
    const endpoints = {
      "weur-sd35-medium": null,
      d: { honoursCancel: true, concurrency: { kind: "known", slots: 2 } },
      c: { honoursCancel: true, concurrency: { kind: "known", slots: 2 } },
      b: { honoursCancel: false, concurrency: { kind: "known", slots: 8 } },
      a: { honoursCancel: true, concurrency: { kind: "adaptive", initial: 90, max: 99 } },
      e: { honoursCancel: true, concurrency: { kind: "known", slots: 3 } },
    } as const;
    expect(createRegions(aSnapshot({ endpoints })).candidates("sd35-medium", "weur")).toEqual([
      "e",
      "c",
      "d",
      "b",
      "a",
    ]);
  });
});

describe("distanceKm", () => {
  it.each([
    ["Frankfurt to Ashburn", { latitude: 50.11, longitude: 8.68 }, { latitude: 39.04, longitude: -77.49 }, 6_550],
    ["pole to pole", { latitude: 90, longitude: 0 }, { latitude: -90, longitude: 0 }, 20_015],
    ["a place to itself", singapore, singapore, 0],
  ])("is right for %s", (_what, from, to, km) => {
    expect(Math.abs(distanceKm(from, to) - km)).toBeLessThan(30);
  });
});
