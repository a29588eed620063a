/**
 * Server-sent events: one writer, so that a heartbeat never falls into the middle of an event, and back-pressure from the reader to
 * the pictures. Fails loudly: what breaks inside an event cuts the stream, so that half an event is never taken for a whole one.
 */
import type { Clock } from "../../../routing/index.ts";
import { type Piece, writePieces } from "../picture-json.ts";

/** Silence after which a comment is sent, ms: proxies give a silent connection up after 30 to 100 s (providers.md §4.3: about 15 s). */
export const HEARTBEAT_MS = 15_000;

/** One event. `data` is one line: JSON around pictures in base64. */
export interface ServerEvent {
  /** Absent: an event without a name, which readers call `message`. */
  readonly name?: string;
  readonly data: readonly Piece[];
}

export interface EventStreamOptions {
  readonly clock: Clock;
  readonly headers: Readonly<Record<string, string>>;
  /** The reader left or the stream broke: nobody waits for more. */
  onGone(): void;
  /** Keeps the writer alive to its end, which comes after the reader left. */
  background(work: Promise<unknown>): void;
}

/** An answer that sends the events as they come, with a `: ping` into every silence. */
export function eventStream(events: AsyncIterable<ServerEvent>, options: EventStreamOptions): Response {
  const { readable, writable } = new IdentityTransformStream();
  const writing = writeEvents(events, writable, options);
  options.background(writing.catch((error: unknown) => writable.abort(error).catch(() => undefined)));
  return new Response(readable, {
    headers: { ...options.headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" },
  });
}

/** Writes all events and closes the stream. Rejects when the reader leaves or an event breaks off. */
export async function writeEvents(
  events: AsyncIterable<ServerEvent>,
  writable: WritableStream<Uint8Array<ArrayBuffer>>,
  { clock, onGone }: Pick<EventStreamOptions, "clock" | "onGone">,
): Promise<void> {
  const iterator = events[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await nextWithPings(iterator.next(), writable, clock);
      if (next.done) break;
      const { name, data } = next.value;
      await writePieces([name === undefined ? "data: " : `event: ${name}\ndata: `, ...data, "\n\n"], writable);
    }
    await writable.close();
  } catch (error: unknown) {
    // Told first: a source that waits for its work ends only once that work is called off.
    onGone();
    await iterator.return?.();
    throw error;
  }
}

async function nextWithPings(
  next: Promise<IteratorResult<ServerEvent>>,
  writable: WritableStream<Uint8Array<ArrayBuffer>>,
  clock: Clock,
): Promise<IteratorResult<ServerEvent>> {
  for (;;) {
    const quiet = new AbortController();
    const silence = clock.sleep(HEARTBEAT_MS, quiet.signal).then(() => "silence" as const);
    const came = await Promise.race([next, silence]).finally(() => quiet.abort());
    if (came !== "silence") return came;
    await writePieces([": ping\n\n"], writable);
  }
}
