/**
 * Outcomes on their way to the Rollout objects. State: isolate memory, plain data; it is sent by whatever request is there to send it.
 *
 * One request at a time waits a second for others' outcomes and sends them together, behind its own answer. A batch keeps its id until
 * it was taken, so sending it twice counts it once. Fails open: what cannot be sent three times is dropped, and no request ever waits.
 */
import type { Clock, OutcomeBatch, RequestOutcome } from "../../../routing/index.ts";
import type { ArmState } from "../../rollout/rollout-protocol.ts";

/** How long outcomes are gathered, ms. */
const GATHER_MS = 1_000;

/** A sender that was not heard of for so long is taken for dead, ms. */
const SENDER_LOST_MS = 10_000;

/** Most outcomes of a batch, and most batches that wait. */
const MOST = { outcomes: 200, batches: 10, tries: 3 } as const;

interface Waiting {
  readonly experiment: string;
  readonly batch: OutcomeBatch & { readonly outcomes: RequestOutcome[] };
  tries: number;
}

export interface Sending {
  report(experiment: string, batch: OutcomeBatch): Promise<ArmState>;
  /** What the object said after it took a batch. */
  learn(experiment: string, state: ArmState): void;
  background(work: Promise<unknown>): void;
}

export interface OutboxPorts {
  readonly clock: Clock;
  /** Unique text. */
  newId(): string;
}

export interface Outbox {
  put(experiment: string, outcome: RequestOutcome, sending: Sending): void;
}

/** One outbox an isolate. */
export function createOutbox({ clock, newId }: OutboxPorts): Outbox {
  let waiting: Waiting[] = [];
  let senderSinceMs: number | undefined;

  const send = async (one: Waiting, { report, learn }: Sending): Promise<void> => {
    one.tries += 1;
    try {
      learn(one.experiment, await report(one.experiment, one.batch));
    } catch {
      if (one.tries < MOST.tries && waiting.length < MOST.batches) waiting.push(one);
    }
  };

  const gatherAndSend = async (sending: Sending): Promise<void> => {
    try {
      await clock.sleep(GATHER_MS);
      const now = waiting;
      waiting = [];
      await Promise.all(now.map((one) => send(one, sending)));
    } finally {
      senderSinceMs = undefined;
    }
  };

  return {
    put(experiment, outcome, sending) {
      const open = waiting.find(
        (one) => one.experiment === experiment && one.tries === 0 && one.batch.outcomes.length < MOST.outcomes,
      );
      if (open !== undefined) open.batch.outcomes.push(outcome);
      else if (waiting.length < MOST.batches) {
        waiting.push({ experiment, batch: { id: newId(), outcomes: [outcome] }, tries: 0 });
      }
      const nowMs = clock.nowMs();
      if (senderSinceMs !== undefined && nowMs - senderSinceMs < SENDER_LOST_MS) return;
      senderSinceMs = nowMs;
      sending.background(gatherAndSend(sending));
    },
  };
}
