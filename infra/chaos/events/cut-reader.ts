/**
 * A reader of one export's events whose connection is cut again and again, and who comes back each time with the last id that it has, as
 * an EventSource does: an event counts once its blank line is there.
 */
import { between, type Chance } from "../../gpu/simulator/chance.ts";

/** One pass from the first event to the last. */
export interface CutReading {
  /** Ids of the events that were received whole, in order; snapshots left out. */
  readonly ids: readonly number[];
  /** How often the reader came back. */
  readonly resumes: number;
  /** It was told that there is nothing more: by an event that ends, or by 204. */
  readonly isOver: boolean;
}

export interface CutReaderOptions {
  readonly url: string;
  readonly id: string;
  /** Each cut falls after some events, between them or within the next. */
  readonly chance: Chance;
}

const ENDS: ReadonlySet<string> = new Set(["done", "failed", "cancelled"]);

/** A reader who came back so often is not told the end. */
const MOST_RESUMES = 1_000;

/** Most events that are taken in before a cut, and most bytes of the one that it falls into. */
const CUT = { events: 4, bytes: 120 } as const;

/** Reads to the end of the export. */
export async function readWithCuts({ url, id, chance }: CutReaderOptions): Promise<CutReading> {
  const ids: number[] = [];
  let lastId = 0;
  for (let resumes = 0; resumes <= MOST_RESUMES; resumes += 1) {
    const stop = new AbortController();
    const headers = { "last-event-id": String(lastId) };
    const response = await fetch(`${url}/v1/exports/${id}/events`, { headers, signal: stop.signal });
    if (response.status === 204) return { ids, resumes, isOver: true };
    let eventsLeft = Math.floor(between(chance, 0, CUT.events + 1));
    let bytesLeft = Math.floor(between(chance, 0, CUT.bytes + 1));
    for await (const event of eventsOf(response, () => eventsLeft > 0 || bytesLeft-- > 0)) {
      eventsLeft -= 1;
      lastId = event.seq;
      if (event.name !== "snapshot") ids.push(event.seq);
      if (ENDS.has(event.name)) return { ids, resumes, isOver: true };
    }
    stop.abort();
  }
  return { ids, resumes: MOST_RESUMES, isOver: false };
}

/** The events that come whole, as long as `takesByte` says so. */
async function* eventsOf(response: Response, takesByte: () => boolean): AsyncGenerator<{ name: string; seq: number }> {
  let text = "";
  for await (const piece of response.body ?? []) {
    // One character a byte: what is looked at is ASCII.
    for (const byte of piece as Uint8Array) {
      if (!takesByte()) return;
      text += String.fromCharCode(byte);
      if (!text.endsWith("\n\n")) continue;
      const name = /^event: (.*)$/m.exec(text)?.[1];
      const seq = /^id: (\d+)$/m.exec(text)?.[1];
      text = "";
      if (name !== undefined && seq !== undefined) yield { name, seq: Number(seq) };
    }
  }
}

/** Was every event received once, in order, none left out? */
export function isGapless({ ids, isOver }: CutReading): boolean {
  return isOver && ids.length > 1 && ids.every((seq, index) => seq === index + 1);
}
