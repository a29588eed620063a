/** A hedge through the real Worker: a preview that started on a credit runs late, and another region draws it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";

const ASK = { prompt: "a fox", purpose: "preview", width: 256, height: 256, format: "png" };
const HOME_ENDPOINTS = ["weur-sd35-a", "weur-sd35-b"];

let stack: Stack;
beforeAll(async () => {
  // 4 % come a second late, where a picture takes some tens of ms.
  stack = await startStack({
    simulation: { stragglers: { share: 0.04, extraMs: [40_000, 60_000] } },
    // A set timeout in place of the adaptive one, which on a busy machine may come before the hedge.
    edit: ({ routing, catalog }) => ({
      routing: routing.replace("    deadline: 8s\n", "    deadline: 8s\n    attempt_timeout: 6s\n"),
      catalog,
    }),
  });
});
afterAll(() => stack.stop());

let drawnAtHome = 0;

async function draw(continent = "EU"): Promise<Response> {
  if (continent === "EU") drawnAtHome += 1;
  const response = await stack.post("/v1/generate", ASK, { "galley-client-location": `continent=${continent}` });
  await response.arrayBuffer();
  return response;
}

async function countOf(place: string, event: string): Promise<number> {
  const text = await (await fetch(`${stack.router.url}/metrics`)).text();
  const name = `galley_scheduler_events_total{place="${place}",event="${event}"} `;
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(name))
      ?.slice(name.length) ?? 0,
  );
}

/** First attempts at home that ran on a credit, once the scheduler has heard of all that were made. */
async function settledCredits(): Promise<number> {
  const ways = ["started_on_credit", "started_locally", "granted_first", "granted_probe"] as const;
  const known = async () => {
    const counts = await Promise.all(ways.map((way) => countOf("weur", way)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  await expect.poll(known, { timeout: 10_000 }).toBe(drawnAtHome);
  return countOf("weur", "started_on_credit");
}

it("hedges a preview on credit in another region, whose picture is served and said to be a hedge's", {
  timeout: 90_000,
}, async () => {
  await draw("NA");
  const warmUp = async (count: number) => {
    for (let index = 0; index < count; index += 4) await Promise.all(Array.from({ length: 4 }, () => draw()));
  };
  await warmUp(200);
  const hedgesBefore = await countOf("enam", "granted_hedge");
  let answer: Response | undefined;
  let credits = 0;
  // A busy machine makes the schedulers late now and then, which hedges nothing.
  for (let tries = 0; tries < 15 && !answer?.headers.get("galley-degraded")?.includes("hedge"); tries += 1) {
    await warmUp(16);
    const before = await settledCredits();
    for (const id of HOME_ENDPOINTS) stack.simulator.control.setFault(id, { kind: "slow", factor: 500 });
    answer = await draw();
    stack.simulator.control.clearFaults();
    expect(answer.status).toBe(200);
    credits = (await settledCredits()) - before;
  }
  expect(answer?.headers.get("galley-degraded")).toBe("region; reason=hedge");
  expect(answer?.headers.get("galley-region")).toBe("enam");
  expect(answer?.headers.get("galley-attempts")).toMatch(
    /^weur-sd35-[ab];outcome=\w+;ms=\d+;leg=primary, enam-sd35-[ab];outcome=ok;/,
  );
  expect(credits).toBe(1);
  expect(await countOf("enam", "granted_hedge")).toBeGreaterThan(hedgesBefore);
});
