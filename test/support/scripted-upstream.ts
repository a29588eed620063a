/**
 * Endpoints that do as they are told: answer, refuse, hang, drip, break off, ignore being hung up on.
 *
 * What each endpoint saw is written down: the calls, whether their signal aborted and with which reason, and what became of the body.
 */
import type { Call } from "../../routing/dialects/dialect.ts";
import type { Upstream, UpstreamResponse } from "../../routing/execute/ports.ts";
import type { FakeClock } from "./fake-clock.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface Chunk {
  readonly afterMs?: number;
  readonly bytes: Bytes;
}

export interface Answer {
  /** Until the head, or until the refusal. */
  readonly afterMs?: number;
  readonly does?: "respond" | "refuse" | "hang";
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly chunks?: readonly Chunk[];
  /** After the chunks. */
  readonly ends?: "end" | "break" | "stall";
  /** Neither the call nor the body notices an abort. */
  readonly deaf?: boolean;
}

export interface SeenCall {
  readonly endpoint: string;
  readonly call: Call;
  readonly atMs: number;
  /** The reason that its signal aborted with. */
  readonly abortReason: unknown;
  readonly aborted: boolean;
  /** The body was cancelled before its end. */
  readonly bodyCancelled: boolean;
  /** Bytes of the body that were taken. */
  readonly sentBytes: number;
}

type Script = Answer | readonly Answer[];

export interface ScriptedUpstream extends Upstream {
  readonly calls: readonly SeenCall[];
  callsTo(endpoint: string): readonly SeenCall[];
}

/** Each endpoint answers its nth call with its nth answer, and goes on with the last. The host's first label names the endpoint. */
export function scriptedUpstream(clock: FakeClock, scripts: Readonly<Record<string, Script>>): ScriptedUpstream {
  const calls: { -readonly [Key in keyof SeenCall]: SeenCall[Key] }[] = [];

  return {
    calls,
    callsTo: (endpoint) => calls.filter((seen) => seen.endpoint === endpoint),
    async send(call, signal) {
      const endpoint = new URL(call.url).hostname.split(".")[0] ?? "";
      const seen = {
        endpoint,
        call,
        atMs: clock.nowMs(),
        abortReason: undefined as unknown,
        aborted: false,
        bodyCancelled: false,
        sentBytes: 0,
      };
      const answer = answerOf(scripts[endpoint], calls.filter((other) => other.endpoint === endpoint).length);
      calls.push(seen);
      const { promise: hungUp, reject } = Promise.withResolvers<never>();
      hungUp.catch(() => undefined);
      const onAbort = (): void => {
        seen.aborted = true;
        seen.abortReason = signal.reason;
        if (answer.deaf !== true) reject(signal.reason);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort);

      await Promise.race([clock.sleep(answer.afterMs ?? 0, answer.deaf === true ? undefined : signal), hungUp]);
      if (answer.does === "hang") await Promise.race([new Promise(() => undefined), hungUp]);
      if (answer.does === "refuse") throw new TypeError("Network connection lost.");
      return {
        status: answer.status ?? 200,
        headers: new Headers(answer.headers),
        body: bodyOf({ clock, answer, seen, hungUp, signal: answer.deaf === true ? undefined : signal }),
      };
    },
  };
}

function answerOf(script: Script | undefined, nth: number): Answer {
  if (script === undefined) return { does: "refuse" };
  if (!isList(script)) return script;
  return script[Math.min(nth, script.length - 1)] ?? { does: "refuse" };
}

function isList(script: Script): script is readonly Answer[] {
  return Array.isArray(script);
}

function bodyOf(from: {
  readonly clock: FakeClock;
  readonly answer: Answer;
  readonly seen: { bodyCancelled: boolean; sentBytes: number };
  readonly hungUp: Promise<never>;
  readonly signal: AbortSignal | undefined;
}): UpstreamResponse["body"] {
  const { clock, answer, seen, hungUp, signal } = from;
  const chunks = [...(answer.chunks ?? [])];
  let controller: ReadableStreamDefaultController<Bytes> | undefined;
  hungUp.catch((reason: unknown) => controller?.error(reason));
  return new ReadableStream<Bytes>(
    {
      start(opened) {
        controller = opened;
      },
      async pull(opened) {
        const chunk = chunks.shift();
        if (chunk === undefined) {
          if (answer.ends === "stall") return new Promise(() => undefined);
          if (answer.ends === "break") opened.error(new TypeError("Network connection lost."));
          else opened.close();
          return;
        }
        if (chunk.afterMs !== undefined) await clock.sleep(chunk.afterMs, signal);
        seen.sentBytes += chunk.bytes.length;
        try {
          opened.enqueue(chunk.bytes.slice());
        } catch {
          // Cancelled or hung up on while it slept.
        }
      },
      cancel() {
        seen.bodyCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
}
