/**
 * A job's events as server-sent events: a snapshot first, what was missed next, then what happens, a comment into every silence, the end.
 *
 * Ids are the log's numbers. The snapshot carries the number that the reader has seen up to, so that a reader who comes back with
 * `Last-Event-ID` gets every later event once. A reader who does not keep up is cut off, and comes back the same way.
 */
import { isOver } from "../../routing/index.ts";
import type { JobHost } from "./job-host.ts";
import type { StoredEvent } from "./job-store.ts";

/** Silence after which a comment is sent, ms. */
const HEARTBEAT_MS = 15_000;

/** What the reader is told to wait before it comes back, ms. */
const RETRY_MS = 3_000;

/** Most that may wait for a slow reader, events; a job has tens. */
const MAX_WAITING = 500;

export interface FollowOptions {
  /** The last event that the reader has; absent: it wants the snapshot and what comes after it. */
  readonly after?: number;
  readonly lastSeq: number;
  /** The state document. */
  readonly snapshot: unknown;
}

/** What is needed of the job. */
export type FollowedJob = Pick<JobHost, "follow" | "record">;

/** The stream. */
export function followEvents(
  host: FollowedJob,
  { after, lastSeq, snapshot }: FollowOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let leave: () => void = () => undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (text: string) => controller.enqueue(encoder.encode(text));
        const heartbeat = setInterval(() => send(": still here\n\n"), HEARTBEAT_MS);
        let unfollow: () => void = () => undefined;
        let hasLeft = false;
        leave = () => {
          hasLeft = true;
          clearInterval(heartbeat);
          unfollow();
        };
        const end = () => {
          leave();
          controller.close();
        };
        const seen = after ?? lastSeq;
        send(`retry: ${RETRY_MS}\n${eventText("snapshot", seen, snapshot)}`);
        const tell = (events: readonly StoredEvent[]) => {
          for (const event of events) send(eventText(event.type, event.seq, toData(event)));
          if (events.some(({ type }) => ENDS.has(type))) end();
          else if ((controller.desiredSize ?? 0) < 0) end();
        };
        unfollow = host.follow(seen, tell);
        if (hasLeft) unfollow();
        else if (isEnded(host)) end();
      },
      cancel: () => leave(),
    },
    new CountQueuingStrategy({ highWaterMark: MAX_WAITING }),
  );
}

const ENDS: ReadonlySet<string> = new Set(["done", "failed", "cancelled"]);

function isEnded(host: FollowedJob): boolean {
  const record = host.record();
  return record === undefined || isOver(record.job);
}

function toData({ atMs, data }: StoredEvent): unknown {
  return { at: new Date(atMs).toISOString(), ...data };
}

function eventText(name: string, seq: number, data: unknown): string {
  return `id: ${seq}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
