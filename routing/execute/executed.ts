/**
 * What `execute` is asked and what it answers, as types.
 */
import type { Snapshot } from "../config/snapshot.ts";
import type { Reported } from "../dialects/dialect.ts";
import type { AttemptFailure, CancelCause, RequestFailure } from "../failure/index.ts";
import type { ImageRequest, PictureFormat } from "../image/request.ts";
import type { Leg, Plan } from "../plan/plan.ts";
import type { AttemptRecord, ExecutePorts } from "./ports.ts";

export interface ExecuteInput {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly request: ImageRequest;
  readonly requestId: string;
  readonly tenant: string;
  readonly startedAtMs: number;
  /** Epoch ms. The answer's head is out before it, or a typed failure is. */
  readonly deadlineAtMs: number;
  /** Aborts with a `CancelCause` as its reason when the caller no longer wants the picture. */
  readonly signal: AbortSignal;
  readonly supersedeKey?: string;
  readonly traceparent?: string;
  /** Legs that draw small and enlarge end with the small picture: the caller enlarges it, in a step of its own. */
  readonly enlargesLater?: boolean;
}

/** A picture that passed its checks. */
export interface Picture {
  readonly format: PictureFormat;
  readonly width: number;
  readonly height: number;
  /** The bytes: the checked head first, then what still streams. Errors when the upstream breaks off, so a short picture is never silent. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Whole length, when it is known already. */
  readonly lengthBytes?: number;
  /** All of it at once, when it was whole inside the head: saves a stream. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

export interface Executed {
  readonly trail: readonly AttemptRecord[];
  readonly warnings: readonly string[];
  readonly costUsd: number;
}

/** How the sending of a picture ended. */
export interface Finished {
  /** Of all attempts, US dollars. */
  readonly costUsd: number;
  readonly bytes: number;
  readonly whole: boolean;
  /** Every attempt behind it reported its pin, and the upstream's last word took nothing back. */
  readonly verified: boolean;
  /** Why the picture is not good after all, whole or not: it broke off, or the upstream's last word took it back. */
  readonly failure?: AttemptFailure;
}

export type ExecuteResult =
  | (Executed & {
      readonly ok: true;
      readonly picture: Picture;
      readonly leg: Leg;
      readonly endpoint: string;
      /** `verified`: the endpoint reported the pin; `unverified`: it did not say. */
      readonly pin: "verified" | "unverified";
      readonly reported: Reported;
      /** Set when a leg other than the first served: what changed and why (`reason=predicted-late`). */
      readonly degraded?: { readonly what: "region" | "model" | "stale"; readonly reason: string };
      /** Resolves when the last byte was passed on. */
      readonly finished: Promise<Finished>;
    })
  | (Executed & { readonly ok: false; readonly failure: RequestFailure; readonly cancelled?: CancelCause });

export type Execute = (input: ExecuteInput, ports: ExecutePorts) => Promise<ExecuteResult>;
