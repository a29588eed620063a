import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { createFaultBook, FAULTS, type Fault, type FaultKind, parseFaults } from "../../infra/gpu/simulator/faults.ts";
import { formatOf, pixelsOf } from "./look.ts";
import { anEndpoint, bytesOf, post, start, until } from "./start.ts";

const small = { prompt: "a fox", width: 128, height: 96, seed: 7 };

async function faulty(fault: Fault) {
  const simulator = await start();
  simulator.control.setFault("weur-a", fault);
  return {
    ...simulator,
    draw: (headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal) =>
      fetch(`${simulator.base}/generate`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(small),
        ...(signal && { signal }),
      }),
  };
}

/** What comes over a bare socket until it ends, and how it ends. */
function overSocket(port: number, path: string): Promise<{ readonly text: string; readonly end: "closed" | "reset" }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`));
    const finish = (end: "closed" | "reset") => resolve({ text: Buffer.concat(chunks).toString("latin1"), end });
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => finish("reset"));
    socket.on("end", () => finish("closed"));
  });
}

describe("faults, as a client sees them", () => {
  it("refuse: the connection is reset before anything, on health checks too, and no GPU time is spent", async () => {
    const { draw, port, base, control } = await faulty({ kind: "refuse" });
    await expect(draw()).rejects.toThrow();
    expect(await overSocket(port, "/weur-a/health")).toEqual({ text: "", end: "reset" });
    await expect(fetch(`${base}/health`)).rejects.toThrow();
    expect(control.stateOf("weur-a")).toMatchObject({ gpuMs: 0, completed: 0, aborted: 0 });
  });

  it("reset-before-headers: the same after the GPU's work", async () => {
    const { port, control } = await faulty({ kind: "reset-before-headers" });
    expect(await overSocket(port, "/weur-a/generate")).toEqual({ text: "", end: "reset" });
    expect(control.stateOf("weur-a")).toMatchObject({ completed: 1, aborted: 0 });
  });

  it("reset-after-headers: status 200, then a body that is cut off", async () => {
    const { draw } = await faulty({ kind: "reset-after-headers" });
    const answer = await draw({ accept: "image/*" });
    expect(answer.status).toBe(200);
    await expect(answer.bytes()).rejects.toThrow();
  });

  it("cut-after-headers: half of the body arrives, and then the end", async () => {
    const { port } = await faulty({ kind: "cut-after-headers" });
    const { text, end } = await overSocket(port, "/weur-a/generate");
    const [head = "", body = ""] = text.split("\r\n\r\n", 2);
    const announced = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    expect({ end, length: body.length }).toEqual({ end: "closed", length: announced >> 1 });
  });

  it("stall-before-headers: nothing comes until the client leaves", async () => {
    const { draw, control } = await faulty({ kind: "stall-before-headers" });
    const leaving = new AbortController();
    const answer = draw({}, leaving.signal);
    await until(() => control.stateOf("weur-a").requests === 1);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await until(() => control.stateOf("weur-a").aborted === 1);
    expect(control.stateOf("weur-a")).toMatchObject({ running: 0, completed: 0 });
  });

  it("stall-after-headers: status 200 and some bytes, then nothing until the client leaves", async () => {
    const { draw, control } = await faulty({ kind: "stall-after-headers" });
    const leaving = new AbortController();
    const answer = await draw({ accept: "image/*" }, leaving.signal);
    const reader = answer.body?.getReader();
    const first = await reader?.read();
    expect(formatOf(first?.value ?? new Uint8Array())).toBe("png");
    expect(first?.value?.length).toBeLessThan(Number(answer.headers.get("content-length")));
    leaving.abort();
    await until(() => control.stateOf("weur-a").aborted === 1);
  });

  it("slow-drip: the whole body, in small pieces", async () => {
    const { draw } = await faulty({ kind: "slow-drip" });
    const answer = await draw({ accept: "image/*" });
    const pieces: Uint8Array[] = [];
    for await (const piece of answer.body ?? []) pieces.push(piece as Uint8Array);
    expect(pieces.length).toBeGreaterThan(5);
    expect(await pixelsOf(Buffer.concat(pieces))).toMatchObject({ width: 128, height: 96 });
  });

  it.each<[Fault, number, string]>([
    [{ kind: "429", retryAfterS: 3 }, 429, "overloaded"],
    [{ kind: "quota" }, 429, "quota_exceeded"],
    [{ kind: "unauthorized" }, 401, "unauthorized"],
    [{ kind: "500" }, 500, "internal_error"],
    [{ kind: "503" }, 503, "unavailable"],
    [{ kind: "504" }, 504, "timeout"],
    [{ kind: "model-gone" }, 404, "model_not_found"],
    [{ kind: "refused" }, 400, "moderation_blocked"],
  ])("%j: an error in the protocol's own words", async (fault, status, code) => {
    const { draw, base } = await faulty(fault);
    const answer = await draw();
    expect([answer.status, (await answer.json()).error.code]).toEqual([status, code]);
    expect(answer.headers.get("retry-after")).toBe(fault.kind === "429" ? "3" : null);
    expect((await fetch(`${base}/health`)).status).toBe(fault.kind === "503" ? 503 : 200);
  });

  it("garbage-json: status 200 with JSON that breaks off", async () => {
    const { draw } = await faulty({ kind: "garbage-json" });
    const answer = await draw();
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
    await expect(answer.json()).rejects.toThrow();
  });

  it("html-200: a web page", async () => {
    const { draw } = await faulty({ kind: "html-200" });
    const answer = await draw();
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  });

  it("empty-data: well-formed, without a picture", async () => {
    const { draw } = await faulty({ kind: "empty-data" });
    expect((await (await draw()).json()).image).toBe("");
    const vllm = await start([anEndpoint({ dialect: "openai-images" })]);
    vllm.control.setFault("*", { kind: "empty-data" });
    expect((await (await post(`${vllm.base}/v1/images/generations`, { prompt: "a fox" })).json()).data).toEqual([]);
  });

  it("truncated: a picture that ends too early in a whole answer", async () => {
    const { draw, control } = await faulty({ kind: "truncated" });
    const { image } = await (await draw()).json();
    control.clearFaults();
    const whole = bytesOf((await (await draw()).json()).image);
    expect(formatOf(bytesOf(image))).toBe("png");
    expect(bytesOf(image)).toEqual(whole.subarray(0, Math.floor(whole.length * 0.6)));
  });

  it("garbage-picture: bytes that are no picture, under a picture's type", async () => {
    const { draw } = await faulty({ kind: "garbage-picture" });
    const answer = await draw({ accept: "image/*" });
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(formatOf(await answer.bytes())).toBe("none");
  });

  it("black and wrong-dimensions: real pictures, unfit for use", async () => {
    const black = await faulty({ kind: "black" });
    expect(await pixelsOf(await (await black.draw({ accept: "image/*" })).bytes())).toMatchObject({
      mean: 0,
      width: 128,
    });
    const half = await faulty({ kind: "wrong-dimensions" });
    expect(await pixelsOf(await (await half.draw({ accept: "image/*" })).bytes())).toMatchObject({
      width: 64,
      height: 48,
    });
  });

  it("wrong-pin: another version in the answer and in the list of models", async () => {
    const { draw, base } = await faulty({ kind: "wrong-pin" });
    expect((await (await draw()).json()).model_version).toBe("sd3.5-medium@000000000000");
    expect((await (await fetch(`${base}/v1/models`)).json()).data[0].id).toBe("sd3.5-medium@000000000000");
    const vllm = await start([anEndpoint({ dialect: "openai-images" })]);
    vllm.control.setFault("*", { kind: "wrong-pin" });
    const asked = { prompt: "a fox", model: "sd3.5-medium@b940f670f0ed" };
    const answer = await post(`${vllm.base}/v1/images/generations`, asked);
    expect((await answer.json()).detail).toContain("running 'sd3.5-medium@000000000000'");
  });

  it("slow: more GPU time by a factor", async () => {
    const { draw, control } = await faulty({ kind: "slow", factor: 20 });
    await draw();
    const slow = control.stateOf("weur-a").gpuMs;
    control.clearFaults();
    await draw();
    expect(slow / (control.stateOf("weur-a").gpuMs - slow)).toBeGreaterThan(15);
  });

  it("url-gone: the picture's link is answered with 403", async () => {
    const { base, control } = await start([anEndpoint({ dialect: "ideogram", model: "ideogram-v2a-turbo" })]);
    control.setFault("*", { kind: "url-gone" });
    const answer = await (await post(`${base}/generate`, { image_request: { prompt: "a fox" } })).json();
    expect((await fetch(answer.data[0].url)).status).toBe(403);
  });
});

describe("where and how often faults strike", () => {
  const strikes = (fault: Fault, seed: number) => {
    const book = createFaultBook(seed);
    book.set("weur-a", [fault]);
    return Array.from({ length: 400 }, () => book.strike(anEndpoint(), true) !== undefined);
  };

  it("strikes the set share of requests, the same ones for the same seed", () => {
    const hits = strikes({ kind: "500", share: 0.25 }, 3);
    expect(hits.filter(Boolean).length / 400).toBeGreaterThan(0.19);
    expect(hits.filter(Boolean).length / 400).toBeLessThan(0.31);
    expect(strikes({ kind: "500", share: 0.25 }, 3)).toEqual(hits);
    expect(strikes({ kind: "500", share: 0.25 }, 4)).not.toEqual(hits);
  });

  it("ends after the set count", () => {
    expect(strikes({ kind: "500", count: 3 }, 1).filter(Boolean)).toHaveLength(3);
  });

  it("prefers the endpoint's own rules to its region's, and those to everyone's", () => {
    const book = createFaultBook(1);
    const struck = (id: string, place?: string) => book.strike(anEndpoint({ id, ...(place && { place }) }), true)?.kind;
    book.set("*", [{ kind: "500" }]);
    book.set("weur", [{ kind: "503" }]);
    book.set("weur-a", [{ kind: "429" }]);
    expect([struck("weur-a"), struck("weur-b"), struck("gpu-1", "weur"), struck("enam-a")]).toEqual([
      "429",
      "503",
      "503",
      "500",
    ]);
    book.clear("weur-a");
    expect(struck("weur-a")).toBe("503");
  });

  it("leaves health checks alone unless the scope is all", () => {
    const book = createFaultBook(1);
    book.set("*", [{ kind: "500" }]);
    expect(book.strike(anEndpoint(), false)).toBeUndefined();
    book.set("*", [{ kind: "500", scope: "all" }]);
    expect(book.strike(anEndpoint(), false)?.kind).toBe("500");
  });
});

describe("the control surface", () => {
  it("switches faults over HTTP and shows what is on", async () => {
    const { base, url } = await start();
    const put = (target: string, body: string) => fetch(`${url}/_control/faults/${target}`, { method: "PUT", body });
    expect((await put("*", '{"kind":"503","count":1}')).status).toBe(200);
    expect((await post(`${base}/generate`, small)).status).toBe(503);
    expect((await post(`${base}/generate`, small)).status).toBe(200);
    expect((await (await fetch(`${url}/_control/state`)).json()).faults).toEqual({ "*": [{ kind: "503", count: 1 }] });
    expect((await fetch(`${url}/_control/faults/*`, { method: "DELETE" })).status).toBe(200);
    expect((await (await fetch(`${url}/_control/state`)).json()).faults).toEqual({});
  });

  it("says what is wrong with a fault and which kinds there are", async () => {
    const { url } = await start();
    const put = (body: string) => fetch(`${url}/_control/faults/*`, { method: "PUT", body });
    for (const body of ['{"kind":"explode"}', '{"kind":"500","shar":1}', '{"kind":"500","share":2}', "nonsense"]) {
      const answer = await put(body);
      expect(answer.status, body).toBe(400);
    }
    expect((await (await put('{"kind":"explode"}')).json()).error).toContain("slow-drip");
  });

  it("remembers the last requests without their prompts", async () => {
    const { base, control } = await start();
    await post(`${base}/generate`, { ...small, model: "SD3.5 Medium", timeout: 8 }, { "x-request-id": "r-1" });
    const state = control.stateOf("weur-a");
    expect(state.lastRequests).toEqual([
      {
        method: "POST",
        path: "/generate",
        requestId: "r-1",
        seed: 7,
        model: "SD3.5 Medium",
        timeoutMs: 8000,
        status: 200,
        aborted: false,
      },
    ]);
    expect(JSON.stringify(control.state())).not.toContain("fox");
  });

  it("takes every kind that it lists", () => {
    for (const kind of Object.keys(FAULTS) as FaultKind[])
      expect(parseFaults({ kind }), kind).toEqual({ faults: [{ kind }] });
  });
});
