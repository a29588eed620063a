/**
 * The folder in real workerd: byte streams, the platform's base64, internal streams, clients that leave, upstreams that die.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { geminiDocument, geminiPart, geminiThought } from "./documents.ts";
import { noise, same } from "./streams.ts";

const MIB = 1024 * 1024;
const LARGE = noise(6 * MIB + 123);
const SMALL = noise(300_000);
const LARGE_JSON = Buffer.from(JSON.stringify(geminiDocument([geminiThought(SMALL), geminiPart(LARGE)])));

let upstream: Server;
let miniflare: Miniflare;
let url: string;
let answerWith: RequestListener;
let closedByRouter = 0;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    response.on("close", () => {
      if (!response.writableFinished) closedByRouter++;
    });
    answerWith(request, response);
  });
  await new Promise<void>((listening) => upstream.listen(0, "127.0.0.1", listening));
  const { port } = upstream.address() as AddressInfo;
  const bundle = await build({
    entryPoints: [join(import.meta.dirname, "workerd-entry.ts")],
    bundle: true,
    format: "esm",
    target: "esnext",
    write: false,
  });
  const options = convertV4MiniflareOptions({
    cf: false,
    log: new Log(LogLevel.NONE),
    // What workerd says about connections that these tests cut.
    handleStructuredLogs: () => undefined,
    workers: [
      {
        name: "image",
        modules: true,
        script: bundle.outputFiles[0]?.text ?? "",
        compatibilityDate: "2026-11-01",
        bindings: { UPSTREAM: `http://127.0.0.1:${port}` },
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      },
    ],
  } as Parameters<typeof convertV4MiniflareOptions>[0]);
  miniflare = new Miniflare(options);
  await miniflare.ready;
  url = (await miniflare.unsafeGetDirectURL("image")).origin;
});

afterAll(async () => {
  await miniflare.dispose();
  upstream.closeAllConnections();
  upstream.close();
});

beforeEach(async () => {
  closedByRouter = 0;
  await ends();
});

async function ends(): Promise<{ ends: unknown[]; heldBytes: number }> {
  const answer = await fetch(`${url}/ends`);
  return (await answer.json()) as { ends: unknown[]; heldBytes: number };
}

/** Asks until as many flows have ended. */
async function endsOf(count: number): Promise<unknown[]> {
  const all: unknown[] = [];
  while (all.length < count) all.push(...(await ends()).ends);
  return all;
}

const whole =
  (body: Uint8Array, withLength: boolean): RequestListener =>
  (_, response) => {
    response.writeHead(200, withLength ? { "content-length": body.length } : {});
    response.end(body);
  };

let breakOff = () => {};

/** Sends the first part; `breakOff` then resets the connection. */
const dying =
  (body: Uint8Array, withLength: boolean, sentBytes: number): RequestListener =>
  (_, response) => {
    breakOff = () => response.socket?.resetAndDestroy();
    response.writeHead(200, withLength ? { "content-length": body.length } : {});
    response.write(body.subarray(0, sentBytes));
  };

/** Breaks the upstream off once the client has its first bytes, and reads on to the end. */
async function getBroken(path: string): Promise<void> {
  const reader = (await fetch(url + path)).body?.getReader();
  await reader?.read();
  breakOff();
  while ((await reader?.read())?.done === false);
}

async function get(path: string): Promise<{ status: number; held: string | null; bytes: Uint8Array }> {
  const answer = await fetch(url + path);
  return {
    status: answer.status,
    held: answer.headers.get("x-held"),
    bytes: new Uint8Array(await answer.arrayBuffer()),
  };
}

describe("in workerd", () => {
  it("scans with the platform's own base64 as the reference does", async () => {
    const { isNative, found } = (await (await fetch(`${url}/fuzz?from=0&to=1500`)).json()) as Record<string, unknown>;
    expect(isNative).toBe(true);
    expect(found).toEqual([]);
  });

  for (const withLength of [true, false]) {
    const kind = withLength ? "with its length announced" : "of unknown length";

    it(`holds a small picture whole, ${kind}`, async () => {
      answerWith = whole(SMALL, withLength);
      const answer = await get("/");
      expect(answer.held).toBe("whole");
      expect(same(answer.bytes, SMALL)).toBe(true);
    });

    it(`streams a large picture in full, ${kind}`, async () => {
      answerWith = whole(LARGE, withLength);
      const answer = await get("/");
      expect(answer.held).toBe("head");
      expect(same(answer.bytes, LARGE)).toBe(true);
      expect(await endsOf(1)).toEqual([{ whole: true, bytes: LARGE.length }]);
    });

    it(`cuts the client off when the upstream dies behind the head, ${kind}`, async () => {
      answerWith = dying(LARGE, withLength, 5 * MIB);
      await expect(getBroken("/")).rejects.toThrow();
      expect(await endsOf(1)).toMatchObject([{ whole: false, failure: { reason: "connection_lost" } }]);
    });

    it(`fails before the client sees a byte when the upstream dies within the head, ${kind}`, async () => {
      const dies = dying(SMALL, withLength, 100_000);
      answerWith = (request, response) => {
        dies(request, response);
        setImmediate(breakOff);
      };
      const answer = await get("/");
      expect(answer.status).toBe(502);
      expect(Buffer.from(answer.bytes).toString()).toContain("connection_lost");
    });

    it(`stops the upstream when the client leaves, ${kind}`, async () => {
      answerWith = (_, response) => {
        response.writeHead(200, withLength ? { "content-length": 900 * MIB } : {});
        const more = () => {
          while (!response.destroyed && response.write(LARGE));
        };
        response.on("drain", more);
        more();
      };
      await leaveAfter("/?head=300000", 2 * MIB);
      expect(await endsOf(1)).toMatchObject([{ whole: false, failure: { reason: "cancelled", cause: "client_gone" } }]);
      await expect.poll(() => closedByRouter).toBe(1);
    });
  }

  it("streams a large picture out of JSON in full, and gives the document behind it", async () => {
    answerWith = whole(LARGE_JSON, false);
    const answer = await get("/?json");
    expect(answer.held).toBe("head");
    expect(same(answer.bytes, LARGE)).toBe(true);
    const all = await endsOf(2);
    expect(all).toContainEqual({ whole: true, bytes: LARGE.length });
    expect(all).toContainEqual({ ok: true, value: expect.objectContaining({ modelVersion: "gemini-3-pro-image" }) });
  });

  it("holds a picture out of JSON whole when the bound allows it", async () => {
    answerWith = whole(LARGE_JSON, true);
    const answer = await get(`/?json&head=${8 * MIB}`);
    expect(answer.held).toBe("whole");
    expect(same(answer.bytes, LARGE)).toBe(true);
  });

  it("cuts the client off when the JSON breaks off within the picture", async () => {
    answerWith = whole(LARGE_JSON.subarray(0, 8 * MIB), false);
    await expect(get("/?json&head=300000")).rejects.toThrow();
    expect(await endsOf(2)).toContainEqual(
      expect.objectContaining({ whole: false, failure: { reason: "bad_picture", defect: "truncated" } }),
    );
  });

  it("puts a picture into JSON as it streams, and tells the length where it knows it", async () => {
    for (const withLength of [true, false]) {
      answerWith = whole(LARGE, withLength);
      const answer = await fetch(`${url}/?embed`);
      const text = await answer.text();
      const length = answer.headers.get("content-length");
      expect(length).toBe(withLength ? String(text.length) : null);
      expect(same(Buffer.from((JSON.parse(text) as { image: string }).image, "base64"), LARGE)).toBe(true);
    }
  });

  it("cuts the client off when the picture breaks off that it puts into JSON", async () => {
    answerWith = dying(LARGE, true, 5 * MIB);
    await expect(getBroken("/?embed")).rejects.toThrow();
  });

  it("gives back all that was held, however it ended", async () => {
    answerWith = whole(LARGE_JSON, false);
    await Promise.all(Array.from({ length: 6 }, () => get("/?json")));
    answerWith = whole(LARGE, false);
    await Promise.all(Array.from({ length: 6 }, () => get("/")));
    answerWith = dying(LARGE, false, 5 * MIB);
    for (let times = 0; times < 3; times++) await expect(getBroken("/")).rejects.toThrow();
    await expect.poll(async () => (await ends()).heldBytes).toBe(0);
  });
});

/** A raw client that resets its connection once it has so many bytes. */
function leaveAfter(path: string, bytes: number): Promise<void> {
  return new Promise((left) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`);
    });
    let received = 0;
    socket.on("data", (chunk) => {
      received += chunk.length;
      if (received >= bytes) socket.resetAndDestroy();
    });
    socket.on("close", () => left());
  });
}
