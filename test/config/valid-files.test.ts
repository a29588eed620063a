/** What must load: the shipped files, the case study's file as printed, the design's example, and every form that a file may take. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compile } from "../../routing/authoring.ts";
import { ROUTING_DIR, readCases, readSource } from "./case-file.ts";

const cases = readCases("valid");
const shippedRouting = readSource(join(ROUTING_DIR, "model-routing.yml"));
const catalogs = ["catalog.yml", "catalog.local.yml"].map((name) => ({
  name,
  catalog: readSource(join(ROUTING_DIR, name)),
}));
const small = cases.find(({ name }) => name === "small-catalog");

/** Printed without its indentation, which the case study lost. */
const CASE_STUDY = [
  "# model-routing.yml",
  'default_route: "gpu-cluster"',
  "routes:",
  '- match: "preview"',
  'model: "SD3.5 Medium"',
  '- match: "high-res-export"',
  'model: "Nano Banana PRONew"',
  '- match: "draft-art"',
  'model: "Nano BananaNew"',
];

describe("a valid configuration", () => {
  it.each(catalogs)("is the shipped routing file with $name, without a warning", async ({ catalog }) => {
    const compiled = await compile({ routing: shippedRouting, catalog });
    expect(compiled).toMatchObject({ ok: true, warnings: [] });
  });

  it("offers the same models under the same names in both catalogues", async () => {
    const names = [];
    for (const { catalog } of catalogs) {
      const compiled = await compile({ routing: shippedRouting, catalog });
      names.push(compiled.ok && compiled.snapshot.content.catalog.names);
    }
    expect(names[0]).toBeTruthy();
    expect(names[0]).toEqual(names[1]);
  });

  const own = cases.filter(({ name }) => !name.startsWith("small-"));
  it.each(
    own.flatMap((file) => catalogs.map(({ name, catalog }) => ({ ...file, with: name, routing: file, catalog }))),
  )("$name with $with: $story", async ({ routing, catalog, warns }) => {
    const compiled = await compile({ routing, catalog });
    expect(compiled.ok ? [] : compiled.problems).toEqual([]);
    expect(compiled.warnings.map(({ path, message }) => `${path} | ${message}`)).toEqual(warns);
  });

  it("is the smallest pair", async () => {
    const routing = cases.find(({ name }) => name === "small-routing");
    const compiled = await compile({ routing: routing!, catalog: small! });
    expect(compiled).toMatchObject({ ok: true, warnings: [] });
  });

  it("is the case study's file exactly as printed", () => {
    const file = cases.find(({ name }) => name === "case-study");
    expect(
      file?.text
        .trim()
        .split("\n")
        .map((line) => line.trim()),
    ).toEqual(CASE_STUDY);
  });
});
