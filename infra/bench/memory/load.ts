/**
 * A closed loop of requests in a process of its own, which reads pictures and throws them away. Reports the time to the first byte, and
 * holds the first picture of each order against its checksum.
 */
import { createHash } from "node:crypto";
import { Agent, request as send } from "node:http";
import type { Sent } from "./upstream.ts";

export interface LoadOrder {
  readonly url: string;
  readonly body: string;
  readonly pictures: number;
  readonly concurrency: number;
  /** What every answer must be, or the run is void. */
  readonly expected: Sent;
}

export interface LoadReport {
  /** From the request to the first byte of the body, ms, ascending. */
  readonly firstByteMs: readonly number[];
  readonly failures: readonly string[];
}

interface Answer {
  readonly firstByteMs: number;
  readonly failure?: string;
}

async function drive(order: LoadOrder): Promise<LoadReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: order.concurrency });
  const answers: Answer[] = [];
  let left = order.pictures;
  const caller = async () => {
    while (left > 0) answers.push(await ask(agent, order, left-- === order.pictures));
  };
  await Promise.all(Array.from({ length: order.concurrency }, caller));
  agent.destroy();
  return {
    firstByteMs: answers.map(({ firstByteMs }) => firstByteMs).sort((a, b) => a - b),
    failures: answers.flatMap(({ failure }) => failure ?? []),
  };
}

/** One picture to its last byte. Only one a run is hashed: hashing costs more than what is measured. */
function ask(agent: Agent, order: LoadOrder, isHashed: boolean): Promise<Answer> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    let firstByteMs = Number.NaN;
    let bytes = 0;
    const hash = createHash("sha256");
    const fail = (error: Error) => resolve({ firstByteMs, failure: error.message });
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(order.body),
      accept: "image/*",
    };
    const call = send(order.url, { method: "POST", agent, headers }, (response) => {
      response.on("data", (chunk: Buffer) => {
        if (bytes === 0) firstByteMs = performance.now() - startedAt;
        bytes += chunk.byteLength;
        if (isHashed) hash.update(chunk);
      });
      response.on("error", fail);
      response.on("end", () => {
        const isGood = response.statusCode === 200 && bytes === order.expected.bytes;
        const isSame = !isHashed || hash.digest("hex") === order.expected.sha256;
        if (isGood && isSame) resolve({ firstByteMs });
        else
          resolve({
            firstByteMs,
            failure: `status ${response.statusCode}, ${bytes} bytes, ${isSame ? "" : "not "}as sent`,
          });
      });
    });
    call.on("error", fail);
    call.end(order.body);
  });
}

process.on("message", async (order: LoadOrder) => {
  process.send?.(await drive(order));
});
process.once("disconnect", () => process.exit(0));
