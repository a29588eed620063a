import { describe, expect, it } from "vitest";
import { parseDirectives } from "../../../functions/router/finished-pictures/directives.ts";

describe("cache-control of a request", () => {
  it.each([
    [null, { mayKeep: true }],
    ["", { mayKeep: true }],
    ["no-store", { mayKeep: false }],
    ["max-age=0, No-Store", { mayKeep: false }],
    ["no-cache", { mayKeep: true, maxAgeMs: 0 }],
    ["no-cache, max-age=60", { mayKeep: true, maxAgeMs: 0 }],
    ["max-age=60", { mayKeep: true, maxAgeMs: 60_000 }],
    ['max-age="60" , stale-ok', { mayKeep: true, maxAgeMs: 60_000 }],
    ["max-age=-1", { mayKeep: true }],
    ["max-age=soon, only-if-cached, xno-store", { mayKeep: true }],
  ])("%j is read", (header, directives) => {
    expect(parseDirectives(header)).toEqual(directives);
  });
});
