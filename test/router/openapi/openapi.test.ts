import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApiDocument } from "../../../functions/router/openapi/document.ts";
import { type Stack, startStack } from "../../support/stack.ts";

let stack: Stack;
let deployed: Stack;
beforeAll(async () => {
  stack = await startStack();
  deployed = await startStack({ variables: { GALLEY_MODE: "deployed" }, front: true });
});
afterAll(async () => {
  await stack.stop();
  await deployed.stop();
});

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security?: unknown }>>>>;
  readonly components: {
    readonly schemas: Readonly<
      Record<string, { readonly properties: object; readonly additionalProperties?: unknown }>
    >;
  };
}

const document = openApiDocument() as unknown as Described;
const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => ({ path, method, isPublic: methods[method]?.security !== undefined })),
);
/** A path with something in place of what varies. */
const concrete = (path: string) => path.replace("{id}", "0".repeat(64)).replace("{name}", "some-name");

describe("the API's description", () => {
  it("is OpenAPI 3.1", async () => {
    const result = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>);
    expect(result).toMatchObject({ valid: true });
    expect(document).toMatchObject({ openapi: "3.1.0" });
  });

  it("is served as it was made of the schemas, to everybody", async () => {
    for (const url of [stack.router.url, deployed.router.url, deployed.router.frontUrl]) {
      const response = await fetch(`${url}/openapi.json`);
      expect(response.headers.get("content-type")).toMatch(/^application\/json/);
      expect(await response.json()).toEqual(JSON.parse(JSON.stringify(document)));
    }
  });

  it("says which members of a body there are, and whether others are let through", () => {
    const { Generate, Images } = document.components.schemas;
    expect(Object.keys(Generate?.properties ?? {})).toEqual(
      expect.arrayContaining(["prompt", "purpose", "width", "seed", "deadline_ms"]),
    );
    expect(Generate?.additionalProperties).toBe(false);
    expect(Object.keys(Images?.properties ?? {})).toEqual(
      expect.arrayContaining(["prompt", "size", "response_format"]),
    );
    expect(Images?.additionalProperties).toEqual({});
  });

  it.each(calls)("names a call that there is: $method $path", async ({ path, method }) => {
    const response = await fetch(`${stack.router.url}${concrete(path)}`, { method });
    const body = await response.text();
    expect(response.status).not.toBe(405);
    if (response.status === 404) expect(body).not.toContain("There is no such path");
  });

  it.each(calls)("is right about who may call $method $path", async ({ path, method, isPublic }) => {
    const response = await fetch(`${deployed.router.url}${concrete(path)}`, { method });
    await response.body?.cancel();
    expect(response.status === 503).toBe(!isPublic);
  });
});

describe.each(["url", "frontUrl"] as const)("the page at %s", (way) => {
  const at = (path: string, init?: RequestInit) => fetch(`${deployed.router[way]}${path}`, init);

  it("shows every call, to everybody, and may fetch nothing", async () => {
    const response = await at("/docs");
    const page = await response.text();
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'none'/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    for (const { path } of calls) expect(page).toContain(`<code>${path}</code>`);
    expect(page).not.toMatch(/<script|https?:\/\//);
    // What the description has as code is code, and the style is no text.
    expect(page).not.toMatch(/`/);
    expect(page).toContain("<code>galley-warning</code>");
    expect(page).toContain('content: "\\25b8"');
  });

  it("is not sent again to who has it, nor taken for something to write to", async () => {
    const etag = (await at("/docs", { method: "HEAD" })).headers.get("etag") ?? "";
    expect((await at("/docs", { headers: { "if-none-match": etag } })).status).toBe(304);
    expect((await at("/docs", { method: "POST" })).ok).toBe(false);
  });

  it("says where the calls are that it describes", async () => {
    const url = `${deployed.router[way]}/openapi.json`;
    const response = await fetch(url);
    const { servers } = (await response.json()) as { servers: { url: string }[] };
    expect(new URL(servers[0]?.url ?? "", url).origin).toBe(deployed.router[way]);
  });

  it("hides no call, and is no way around the key", async () => {
    expect(await (await at("/healthz")).json()).toEqual({ status: "ok" });
    for (const path of ["/v1/status", "/metrics", "/_headers", "/nothing"]) {
      const response = await at(path);
      await response.body?.cancel();
      expect([path, response.status]).toEqual([path, 503]);
    }
  });
});
