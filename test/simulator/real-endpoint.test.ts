import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { singleEndpoint } from "../../infra/gpu/simulator/index.ts";

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

describe("the recipe of a real SD3.5 Medium endpoint", () => {
  it("builds the commit that the catalogue pins and the simulator plays", async () => {
    const revision = /ARG SD35_REVISION=([0-9a-f]{40})$/m.exec(await read("infra/gpu/sd35/Dockerfile"))?.[1];
    const pin = `sd3.5-medium@${revision?.slice(0, 12)}`;
    for (const file of ["routing/catalog.yml", "routing/catalog.local.yml"]) {
      expect(parse(await read(file)).models["sd3.5-medium"].pin, file).toBe(pin);
    }
    expect(singleEndpoint({ model: "SD3.5_Medium" })?.pin).toBe(pin);
    expect(await read("infra/gpu/sd35/serve.sh")).toMatch(/--served-model-name "sd3\.5-medium@\$\{revision:0:12\}"/);
  });

  it("names that commit in every manifest", async () => {
    for (const file of ["compose.yaml", "kubernetes/endpoint.yaml"]) {
      const text = await read(`infra/gpu/sd35/${file}`);
      for (const document of parseAllDocuments(text, { merge: true })) expect(document.errors, file).toEqual([]);
      expect(text, file).toMatch(/sd35-endpoint:b940f670f0ed$/m);
    }
  });
});
