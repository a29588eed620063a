/**
 * One round of a job: it draws, or goes on from what was drawn.
 *
 * Nothing here is kept: what it says becomes true when the job's transition is written. A crash anywhere in it costs the round's work
 * and nothing else; its attempt ids are those of the round, so that the one that takes over asks for the same work.
 */
import type { ExecutePorts, InlinePicture, RouteArmsAsk, RunningAttempt, Snapshot } from "../../routing/index.ts";
import type { PictureCodec } from "./codec.ts";
import { drawRound } from "./draw-round.ts";
import { finishRound } from "./finish-round.ts";
import type { Round, RoundResult } from "./job-host.ts";
import type { KeptPicture } from "./job-order.ts";
import { noPicture } from "./round-facts.ts";
import type { PictureStore } from "./store-picture.ts";

/** Longest that one round may take, ms: an alarm's wall time is 15 min, and storing comes after rendering. */
const MAX_ROUND_MS = 12 * 60_000;

/** With less than this left no round is begun, ms: no model draws and no store keeps a picture in it. */
const LEAST_ROUND_MS = 1_000;

export interface RoundPorts {
  readonly snapshot: Snapshot;
  /** The experiment's arm to plan under; absent: the route's own model. */
  readonly arms?: RouteArmsAsk;
  readonly ports: ExecutePorts;
  readonly pictures: PictureStore;
  /** `undefined`: nothing here scales pictures. */
  readonly codec: PictureCodec | undefined;
  nowMs(): number;
  /** Gives the slot of an attempt back that nobody waits for any more. */
  giveBack(orphan: RunningAttempt): void;
  /** The bytes of a kept reference picture. */
  load(kept: KeptPicture): Promise<InlinePicture>;
}

/** Runs it. */
export async function runRound(round: Round, by: RoundPorts): Promise<RoundResult> {
  const { order, job, orphan } = round;
  if (orphan !== undefined) by.giveBack(orphan);
  const leftMs = Math.min(MAX_ROUND_MS, order.terms.deadlineAtMs - by.nowMs());
  if (leftMs < LEAST_ROUND_MS) return noPicture({ code: "deadline_exceeded", detail: "No picture was ready in time." });
  const { drawn } = job;
  return drawn === undefined ? drawRound(round, by, leftMs) : finishRound(round, by, { drawn, leftMs });
}
