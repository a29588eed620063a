/** Many clients at once, half of which leave: no request leans on what belongs to another one, which the runtime would warn of. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";

const warnings: string[] = [];
let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ timeScale: 0.1, log: ({ level, message }) => warnings.push(`${level} ${message}`) });
});
afterAll(() => stack.stop());

const SENDERS = 48;

/** Previews, drafts and layers that replace each other; every other client leaves within 120 ms. */
async function crowd(round: number): Promise<readonly number[]> {
  return Promise.all(
    Array.from({ length: SENDERS }, async (_, index) => {
      const client = new AbortController();
      if (index % 2 === 0) setTimeout(() => client.abort(), (index * 37 + round * 11) % 120);
      const kinds = [
        { purpose: "preview" },
        { purpose: "draft-art" },
        { purpose: "preview", session: `s${index % 4}`, layer: "sky" },
      ];
      const ask = { prompt: `a fox ${index % 5}`, width: 256, height: 256, format: "png", ...kinds[index % 3] };
      try {
        const response = await fetch(`${stack.router.url}/v1/generate`, {
          method: "POST",
          signal: client.signal,
          headers: { "content-type": "application/json", "galley-client-location": "continent=EU" },
          body: JSON.stringify(ask),
        });
        await response.arrayBuffer();
        return response.status;
      } catch {
        return 0;
      }
    }),
  );
}

it("warns of nothing when clients leave in the middle of a crowd, in a fresh isolate and in a warm one", {
  timeout: 60_000,
}, async () => {
  const statuses: number[] = [];
  for (let life = 0; life < 2; life += 1) {
    if (life > 0) await stack.restartRouter();
    for (let round = 0; round < 2; round += 1) statuses.push(...(await crowd(round)));
  }
  expect(statuses).toContain(200);
  expect(statuses).toContain(0);
  // Whoever stayed was served, or replaced by a newer one of its layer.
  expect(statuses.filter((status) => ![0, 200, 409].includes(status))).toEqual([]);
  expect(warnings).toEqual([]);
});
