import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

const problemOf = async (response: Response) => {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  return (await response.json()) as Record<string, unknown>;
};

describe("bad input", () => {
  it.each([
    ["not JSON", "{", 400, "invalid_request", ""],
    ["a missing prompt", {}, 400, "invalid_request", "/prompt"],
    ["an unknown member", { prompt: "x", promt: "y" }, 400, "invalid_request", "/promt"],
    ["a width of another type", { prompt: "x", width: "wide" }, 400, "invalid_request", "/width"],
    ["an overlay without content", { prompt: "x", text: [{}] }, 400, "invalid_request", "/text/0/content"],
    ["an unknown model", { prompt: "x", model: "Nano Bananana" }, 400, "model_unknown", "/model"],
    ["an unknown purpose", { prompt: "x", purpose: "perview" }, 400, "invalid_request", "/purpose"],
    ["a mask without a picture", { prompt: "x", mask: "AAAA" }, 400, "invalid_request", "/mask"],
    ["a reference that is no picture", { prompt: "x", image: "AAAA" }, 400, "invalid_request", "/image"],
    ["several pictures as bytes", { prompt: "x", n: 2 }, 400, "invalid_request", "/n"],
    ["a prompt past the limit", { prompt: "x".repeat(32_001) }, 400, "invalid_request", "/prompt"],
    ["a body nested too deep", `{"prompt":${"[".repeat(40)}${"]".repeat(40)}}`, 400, "invalid_request", ""],
  ])("refuses %s with its path", async (_, body, status, code, path) => {
    const response = await stack.post("/v1/generate", body);
    expect(response.status).toBe(status);
    expect(await problemOf(response)).toMatchObject({ status, code, path });
    expect(response.headers.get("x-should-retry")).toBe("false");
  });

  it("refuses a body over 16 MiB by its announced length, unread", async () => {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": 16 * 1024 * 1024 + 1 };
      const call = request(`${stack.router.url}/v1/generate`, { method: "POST", headers }, resolve);
      call.on("error", reject);
      call.write("{");
    });
    expect(answer.statusCode).toBe(413);
    answer.destroy();
  });

  it("refuses a body over 16 MiB that does not announce its length", async () => {
    const stream = new Blob([new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20)]).stream();
    const chunked = { method: "POST", body: stream, duplex: "half", headers: { "content-type": "application/json" } };
    const response = await fetch(`${stack.router.url}/v1/generate`, chunked as RequestInit);
    expect(await problemOf(response)).toMatchObject({ code: "payload_too_large", status: 413 });
  });

  it("refuses another content type", async () => {
    const response = await stack.post("/v1/generate", "prompt=x", {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(response.status).toBe(415);
    expect(await problemOf(response)).toMatchObject({ code: "unsupported_media_type" });
  });

  it("names what a path takes", async () => {
    const response = await fetch(`${stack.router.url}/v1/generate`);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
    const missing = await fetch(`${stack.router.url}/v2/generate`);
    expect(await problemOf(missing)).toMatchObject({ code: "not_found", status: 404 });
  });

  it("never repeats the prompt, a key or an upstream URL", async () => {
    const response = await stack.post("/v1/generate", { prompt: "SECRET-PROMPT", width: -1 });
    const text = await response.text();
    expect(text).not.toContain("SECRET-PROMPT");
    expect(text).not.toContain(stack.simulator.url);
  });
});

describe("admission", () => {
  it("refuses all but /healthz on a deployed Worker without keys", async () => {
    const deployed = await startStack({ variables: { GALLEY_MODE: "deployed" } });
    try {
      expect((await fetch(`${deployed.router.url}/healthz`)).status).toBe(200);
      for (const path of ["/v1/status", "/generate", "/v1/generate", "/nowhere"]) {
        const response = await fetch(`${deployed.router.url}${path}`);
        expect(response.status).toBe(503);
        expect(await problemOf(response)).toMatchObject({ code: "not_configured" });
      }
      expect(deployed.simulator.control.stateOf("weur-sd35-a").completed).toBe(0);
    } finally {
      await deployed.stop();
    }
  });
});
