/**
 * What a dialect is: a pure mapping between one piece of image work and an upstream's HTTP, as data in both directions.
 *
 * A dialect never performs I/O. It says which call to make (`Call`), how its response must be read (`Reading`), and what came of it
 * (`Settled`). Some upstreams need a second call (a picture behind a URL, a result that is polled): then `Settled` asks for it.
 * `execute` runs these steps under the attempt's deadline.
 */
import type { Endpoint, Model } from "../config/snapshot.ts";
import type { AttemptFailure, Result } from "../failure/index.ts";
import type { PictureField } from "../image/picture-field.ts";
import type { ImageRequest, PictureFormat } from "../image/request.ts";
import type { Size } from "../image/size.ts";

export type { PictureField } from "../image/picture-field.ts";

/** One picture to be made by one endpoint. */
export interface Work {
  readonly request: ImageRequest;
  readonly model: Model;
  /** Steps and guidance after the leg's changes: the caller's, else the model's. */
  readonly steps?: number;
  readonly guidance?: number;
  /** Remaining time for the attempt, ms: sent upstream as `x-timeout-ms`. */
  readonly timeoutMs: number;
  /** Sent upstream as `x-request-id`, so that a provider may deduplicate: request id and attempt number. */
  readonly attemptId: string;
  /** W3C trace context of this attempt. */
  readonly traceparent?: string;
}

/** Where it goes. The key is handed over here and lives in `Call.headers` only. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly key?: string;
}

/** An HTTP request as data. `redirect` is always manual. */
export interface Call {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | FormData;
  /** The runtime's AI binding instead of HTTP: `url` is the model id then. */
  readonly binding?: { readonly kind: "workers-ai"; readonly inputs: Readonly<Record<string, unknown>> };
}

export interface ResponseHead {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Headers;
  /** When the head arrived, epoch ms: what a date in `retry-after` is counted from. Without it the response's own `date` serves. */
  readonly nowMs?: number;
}

/** Tokens that a picture took, as its upstream counts them. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  /** Of the input: words and reference pictures, where the upstream tells them apart. */
  readonly inputText?: number;
  readonly inputImage?: number;
}

/** What the upstream said about the work. */
export interface Reported {
  /** The version it says it serves, in the form of the pin; `undefined` when it does not say. */
  readonly pin?: string;
  readonly seed?: number;
  /** Time on the GPU and in the queue, ms, when it says. */
  readonly serviceMs?: number;
  readonly queueMs?: number;
  /** Cost by usage, USD, when it can be computed from what it says. */
  readonly costUsd?: number;
  readonly tokens?: Tokens;
}

/** One step of an attempt: make this call, then let `receive` decide how to read the answer. */
export interface Step {
  readonly call: Call;
  /** Wait before the call, ms (polling). */
  readonly delayMs?: number;
  receive(head: ResponseHead): Reading;
}

/** How a response's body must be read. */
export type Reading =
  /** The body is the picture. */
  | { readonly read: "picture"; readonly reported: Reported }
  /** The body is JSON with the picture in base64 inside; `settle` gets the JSON with that string left out. */
  | {
      readonly read: "embedded";
      readonly select: PictureField;
      /** Called at the end of the body with the rest of the document. */
      settle(document: unknown): Result<Reported, AttemptFailure>;
    }
  /** A small body, read whole (at most `maxBytes`), then decided. */
  | { readonly read: "text"; readonly maxBytes: number; settle(text: string): Settled }
  /** The head says it all. The body is drained. */
  | { readonly read: "nothing"; readonly failure: AttemptFailure };

export type Settled =
  | { readonly then: "failed"; readonly failure: AttemptFailure }
  | { readonly then: "step"; readonly step: Step }
  | { readonly then: "picture"; readonly bytes: Uint8Array<ArrayBuffer>; readonly reported: Reported };

export interface Begun {
  readonly step: Step;
  /** What of the request this upstream cannot take, in words for `galley-warning`; the picture is made all the same. */
  readonly warnings: readonly string[];
}

/** One upstream wire protocol. */
export interface Dialect {
  readonly name: Endpoint["dialect"];
  /** The first call; or a failure (`unsupported`) where the work cannot be asked for at all. */
  begin(work: Work, target: Target): Result<Begun, AttemptFailure>;
  /**
   * A cheap look at what the endpoint serves, for upstreams whose picture response does not say; `undefined` where there is none.
   * `settle` gives the reported version in the form of the pin, or `undefined` when the answer does not say. With `model` a server
   * of several models can be looked at too: its pin is among the answer's names, or it is not.
   */
  pinLook?(
    target: Target,
    model?: Model,
  ): { readonly call: Call; settle(status: number, text: string): string | undefined } | undefined;
  /** Width and height that the picture must have, px; `undefined` where the model chooses its own size. */
  expectedSize?(work: Work): { readonly width: number; readonly height: number } | undefined;
  /** What a model with sizes of its own usually draws where `asked` is asked for, px; absent where nobody can tell. */
  usualSize?(model: Model, asked: Size): Size;
  /** Format that the upstream is told to give; `undefined` where it chooses (Gemini, Ideogram, Workers AI). */
  expectedFormat?(work: Work): PictureFormat | undefined;
}
