import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sniffPicture } from "../../../routing/image/sniff.ts";
import { type Stack, startStack } from "../../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    // A small head: the drafts' pictures stream as large ones do.
    edit: ({ routing, catalog }) => ({
      routing: routing.replace("  draft:\n", "  draft:\n    head: 64KiB\n"),
      catalog,
    }),
  });
});
afterAll(() => stack.stop());
afterEach(() => stack.simulator.control.clearFaults());

const DRAFTER = "apac-nano-banana";
const drafter = () => stack.simulator.control.stateOf(DRAFTER);

/** Pictures asked of all simulated endpoints so far. */
const workDone = () =>
  Object.values(stack.simulator.control.state().endpoints).reduce((sum, { requests }) => sum + requests, 0);

let asked = 0;
/** A request that no test made before. */
const aCall = (model = "draft-art") => {
  asked += 1;
  return { prompt: `a fox, number ${asked}`, model, size: "256x256" };
};

const call = (body: object, retryCount?: number) => {
  const headers = retryCount === undefined ? {} : { "x-stainless-retry-count": String(retryCount) };
  return stack.post("/v1/images/generations", body, headers as Record<string, string>);
};

interface Answer {
  readonly data: readonly { readonly b64_json: string; readonly seed: number }[];
}

/** Sends the request on a socket of its own, so that the test can cut it. */
function send(body: object): Socket {
  const { hostname, port } = new URL(stack.router.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  const text = JSON.stringify(body);
  const head = "POST /v1/images/generations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
  socket.write(`${head}\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
  return socket;
}

/** About a second of work. */
const slowly = () => stack.simulator.control.setFault(DRAFTER, { kind: "slow", factor: 80 });

describe("a retry of a call whose connection was reset", () => {
  it("goes on with the work of the first", async () => {
    slowly();
    const body = aCall();
    const before = drafter();
    const first = send(body);
    await expect.poll(() => drafter().running, { timeout: 5_000 }).toBe(1);
    first.resetAndDestroy();
    const retry = await call(body, 1);
    expect(retry.status).toBe(200);
    expect(retry.headers.get("galley-cache")).toBe("joined");
    expect(((await retry.json()) as Answer).data).toHaveLength(1);
    expect(drafter().requests - before.requests).toBe(1);
    expect(drafter().aborted).toBe(before.aborted);
  });

  it("finds nothing when it comes too late: the work was stopped", async () => {
    stack.simulator.control.setFault(DRAFTER, { kind: "slow", factor: 400 });
    const body = aCall();
    const before = drafter();
    const first = send(body);
    await expect.poll(() => drafter().running, { timeout: 5_000 }).toBe(1);
    first.resetAndDestroy();
    await expect.poll(() => drafter().aborted, { timeout: 5_000 }).toBe(before.aborted + 1);
    stack.simulator.control.clearFaults();
    const retry = await call(body, 1);
    expect(retry.headers.get("galley-cache")).toBe("miss");
    await retry.body?.cancel();
    expect(drafter().requests - before.requests).toBe(2);
  });
});

describe("a retry beside a call that still runs", () => {
  it("gets the same picture, also where it streams", async () => {
    slowly();
    const body = aCall();
    const before = drafter();
    const first = call(body);
    await expect.poll(() => drafter().requests - before.requests, { timeout: 5_000 }).toBe(1);
    const answers = (await Promise.all([first, call(body, 1)].map(async (one) => (await one).json()))) as Answer[];
    expect(drafter().requests - before.requests).toBe(1);
    const [one, other] = answers.map(({ data }) => data[0]?.b64_json);
    expect(one === other).toBe(true);
    expect(sniffPicture(Buffer.from(one ?? "", "base64"))).toMatchObject({ width: 1024, height: 1024 });
  });

  it("never joins a call for something else", async () => {
    slowly();
    const before = drafter();
    const body = aCall();
    const bodies = [body, { ...body, seed: 1 }, { ...body, n: 2 }, { ...body, size: "512x256" }];
    const answers = await Promise.all(bodies.map((one) => call(one, 1)));
    expect(answers.map(({ headers }) => headers.get("galley-cache"))).toEqual(["miss", "miss", "miss", "miss"]);
    expect(drafter().requests - before.requests).toBe(5);
    await Promise.all(answers.map(({ body: stream }) => stream?.cancel()));
  });

  it("stays apart from an equal call that does not retry: two pictures are wanted", async () => {
    const body = aCall();
    const answers = (await Promise.all([call(body), call(body)].map(async (one) => (await one).json()))) as Answer[];
    expect(answers[0]?.data[0]?.seed).not.toBe(answers[1]?.data[0]?.seed);
  });
});

describe("a retry after the end", () => {
  it("is handed what was made", async () => {
    // A preview is small enough to be whole.
    const body = aCall("preview");
    const before = workDone();
    const first = (await (await call(body)).json()) as Answer;
    const retry = await call(body, 1);
    expect(((await retry.json()) as Answer).data).toEqual(first.data);
    expect(workDone() - before).toBe(1);
  });

  it("starts anew where the failure may have passed", async () => {
    stack.simulator.control.setFault("*", { kind: "500" });
    const body = aCall();
    expect((await call(body)).status).toBe(502);
    stack.simulator.control.clearFaults();
    const retry = await call(body, 1);
    expect(retry.status).toBe(200);
    await retry.body?.cancel();
  });
});
