/**
 * A closed loop of POSTs in a process of its own: `concurrency` callers, each sends its next request when the last is whole.
 * Closed on purpose: the bench compares CPU per request of two Workers under the same work, not latency under load.
 */
import { Agent, request as send } from "node:http";

export interface LoadOrder {
  readonly url: string;
  readonly body: string;
  readonly requests: number;
  readonly concurrency: number;
  /** Every answer must have exactly this many bytes, or the run is void. */
  readonly expectedBytes: number;
}

export interface LoadReport {
  /** Latency of each request, ms, ascending. */
  readonly latenciesMs: readonly number[];
  readonly failures: readonly string[];
}

async function drive({ url, body, requests, concurrency, expectedBytes }: LoadOrder): Promise<LoadReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  let left = requests;
  const caller = async () => {
    while (left > 0) {
      left -= 1;
      const startedAt = performance.now();
      const failure = await post(agent, url, body, expectedBytes);
      latenciesMs.push(performance.now() - startedAt);
      if (failure !== undefined) failures.push(failure);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  agent.destroy();
  return { latenciesMs: latenciesMs.sort((a, b) => a - b), failures };
}

/** One request to its last byte; what was wrong with the answer, or `undefined`. */
function post(agent: Agent, url: string, body: string, expectedBytes: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      accept: "image/*",
    };
    const call = send(url, { method: "POST", agent, headers }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.byteLength;
      });
      response.on("end", () => {
        const isGood = response.statusCode === 200 && bytes === expectedBytes;
        resolve(isGood ? undefined : `status ${response.statusCode}, ${bytes} bytes`);
      });
      response.on("error", (error) => resolve(error.message));
    });
    call.on("error", (error) => resolve(error.message));
    call.end(body);
  });
}

process.on("message", async (order: LoadOrder) => {
  process.send?.(await drive(order));
});
process.once("disconnect", () => process.exit(0));
