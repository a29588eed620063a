/** Readers of events are cut off over HTTP and come back. `npm run chaos:events` makes more of them. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { isGapless, readWithCuts } from "../../infra/chaos/events/cut-reader.ts";
import { runCuts } from "../../infra/chaos/events/run.ts";
import { chanceFrom } from "../../infra/gpu/simulator/chance.ts";

describe("events of an export", () => {
  it("reach a reader who is cut off again and again, each once", { timeout: 60_000 }, async () => {
    const report = await runCuts({ resumes: 60, exports: 4, seed: 3 });
    expect(report.wrong).toEqual([]);
    expect(report.resumes).toBeGreaterThanOrEqual(60);
    expect(report.events).toBeGreaterThan(4 * 6);
  });
});

describe("the reader that is cut off", () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** Sends the events after the given id, as `skew` has it. */
  async function serve(skew: (after: number) => number): Promise<string> {
    const server = createServer((request, response) => {
      const after = Number(request.headers["last-event-id"]);
      if (after >= 9) return void response.writeHead(204).end();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`id: ${after}\nevent: snapshot\ndata: {}\n\n`);
      for (let seq = skew(after) + 1; seq <= 9; seq += 1) {
        response.write(`id: ${seq}\nevent: ${seq === 9 ? "done" : "state"}\ndata: {}\n\n`);
      }
      response.end();
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each([
    ["sends what was missed", (after: number) => after, true],
    ["leaves one out", (after: number) => (after === 0 ? 0 : after + 1), false],
    ["sends one twice", (after: number) => Math.max(0, after - 1), false],
  ])("sees whether a server %s", async (_what, skew, isSound) => {
    const url = await serve(skew);
    const reading = await readWithCuts({ url, id: "x", chance: chanceFrom("reader") });
    expect(isGapless(reading)).toBe(isSound);
  });
});
