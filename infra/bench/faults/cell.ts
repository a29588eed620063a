/**
 * One cell of the fault table: a fresh router, one fault, so many previews, and what their senders saw.
 *
 * A few callers at a time, each with its next preview when it has the last answer: the regions stay below saturation, so that what is
 * seen is the fault. Times are the client's.
 */
import { Agent, type IncomingMessage, request as send } from "node:http";
import type { Simulator } from "../../gpu/simulator/index.ts";
import type { Router } from "../../local/runtime.ts";
import { flawOf } from "./whole-png.ts";

/** Width and height of the previews, px: small, because drawing them is not what is measured. */
export const SIDE = 128;

export interface CellOrder {
  readonly router: Router;
  readonly simulator: Simulator;
  readonly requests: number;
  readonly concurrency: number;
  readonly deadlineMs: number;
  /** Endpoints that cannot make a good picture now: one that comes from there all the same is broken. */
  readonly neverFrom: (endpoint: string) => boolean;
}

export interface CellReport {
  readonly requests: number;
  /** Whole pictures within the deadline, and later. */
  readonly inTime: number;
  readonly late: number;
  /** Problem code → answers. */
  readonly problems: Readonly<Record<string, number>>;
  /** Errors without a typed problem document. */
  readonly untyped: readonly string[];
  /** What was wrong with each 200 that was no whole picture. */
  readonly broken: readonly string[];
  /** Time to each whole picture, ms, ascending. */
  readonly latenciesMs: readonly number[];
  readonly attempts: number;
}

/** Sends the previews and judges the answers. */
export async function runCell(order: CellOrder): Promise<CellReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: order.concurrency });
  const latenciesMs: number[] = [];
  const problems: Record<string, number> = {};
  const untyped: string[] = [];
  const broken: string[] = [];
  let attempts = 0;
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < order.requests) {
      next += 1;
      const startedAtMs = performance.now();
      const answer = await post(agent, order.router.url, next);
      const tookMs = performance.now() - startedAtMs;
      attempts += answer.attempts;
      if (answer.status !== 200) {
        const code = codeOf(answer);
        if (code === undefined) untyped.push(`${answer.status} ${answer.body.toString("utf8", 0, 80)}`);
        else problems[code] = (problems[code] ?? 0) + 1;
        continue;
      }
      const flaw = flawOf(answer.body, SIDE) ?? (order.neverFrom(answer.endpoint) ? "of a struck endpoint" : undefined);
      if (flaw === undefined) latenciesMs.push(tookMs);
      else broken.push(flaw);
    }
  };
  await Promise.all(Array.from({ length: order.concurrency }, caller));
  agent.destroy();
  latenciesMs.sort((a, b) => a - b);
  const inTime = latenciesMs.filter((ms) => ms <= order.deadlineMs).length;
  const late = latenciesMs.length - inTime;
  return { requests: order.requests, inTime, late, problems, untyped, broken, latenciesMs, attempts };
}

interface Answer {
  /** 0: the connection broke. */
  readonly status: number;
  readonly type: string;
  readonly endpoint: string;
  readonly attempts: number;
  readonly body: Buffer;
}

function codeOf({ type, body }: Answer): string | undefined {
  if (!type.startsWith("application/problem+json")) return undefined;
  try {
    const { code } = JSON.parse(body.toString()) as { code?: unknown };
    return typeof code === "string" && code !== "internal" ? code : undefined;
  } catch {
    return undefined;
  }
}

/** One preview to its last byte; each has a seed of its own, so that no two are the same work. */
function post(agent: Agent, url: string, seed: number): Promise<Answer> {
  const ask = { prompt: "a lighthouse", purpose: "preview", width: SIDE, height: SIDE, format: "png", seed };
  const body = JSON.stringify(ask);
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "galley-client-location": "continent=EU",
  };
  return new Promise((resolve) => {
    const failed = (words: string): void =>
      resolve({ status: 0, type: "", endpoint: "", attempts: 0, body: Buffer.from(words) });
    const call = send(`${url}/v1/generate`, { method: "POST", agent, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () => resolve(toAnswer(response, Buffer.concat(pieces))));
      response.on("error", (error) => failed(error.message));
    });
    call.on("error", (error) => failed(error.message));
    call.end(body);
  });
}

function toAnswer({ statusCode, headers }: IncomingMessage, body: Buffer): Answer {
  const trail = String(headers["galley-attempts"] ?? "");
  const called = trail.split(", ").filter((words) => words !== "" && !words.startsWith("none;"));
  return {
    status: statusCode ?? 0,
    type: headers["content-type"] ?? "",
    endpoint: String(headers["galley-endpoint"] ?? ""),
    attempts: called.length,
    body,
  };
}
