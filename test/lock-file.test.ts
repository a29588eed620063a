import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { completeLock, type LockFile, missingPlatforms } from "../infra/complete-lock.ts";

const text = readFileSync(new URL("../package-lock.json", import.meta.url), "utf8");

describe("the lock file", () => {
  it("has an entry for every platform package, so that npm ci takes it everywhere (npm run lock mends it)", () => {
    expect(missingPlatforms(JSON.parse(text) as LockFile)).toEqual([]);
  });

  it("names no registry", () => {
    expect(text).not.toMatch(/"resolved": "http/);
  });

  it("is completed by version, system and processor when an entry is missing", () => {
    const lock = {
      packages: { "node_modules/tool": { dev: true, optionalDependencies: { "@tool/darwin-arm64": "1.2.3" } } },
    };
    expect(missingPlatforms(lock)).toEqual([{ name: "@tool/darwin-arm64", version: "1.2.3", dev: true }]);
    expect(completeLock(lock).packages["node_modules/@tool/darwin-arm64"]).toEqual({
      version: "1.2.3",
      cpu: ["arm64"],
      dev: true,
      optional: true,
      os: ["darwin"],
    });
    expect(missingPlatforms(completeLock(lock))).toEqual([]);
  });

  it("finds a package that is nested beside the one that wants it", () => {
    const nested = { "node_modules/a/node_modules/@a/linux-x64": { version: "1.0.0" } };
    const wants = { "node_modules/a/node_modules/b": { optionalDependencies: { "@a/linux-x64": "1.0.0" } } };
    expect(missingPlatforms({ packages: { ...nested, ...wants } })).toEqual([]);
  });
});
