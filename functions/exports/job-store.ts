/**
 * Where a job is written down, as an interface, and the SQLite of a Durable Object behind it.
 *
 * Tables: `record` (one row a document), `events` (append only), `deliveries`. One `write` is one transaction: all of it or nothing.
 */
import type { Delivery, Job, JobEvent } from "../../routing/index.ts";
import type { JobOrder } from "./job-order.ts";

/** What is left to do after the end, and was done. */
export interface Chores {
  /** The index knows how the job ended. */
  readonly reported: boolean;
  /** The reference pictures and the pictures in the making are gone. */
  readonly swept: boolean;
}

export interface JobRecord {
  readonly order: JobOrder;
  readonly job: Job;
  readonly chores: Chores;
  readonly deliveries: readonly Delivery[];
}

export interface StoredEvent extends JobEvent {
  /** From 1, without gaps. */
  readonly seq: number;
}

/** Parts that are absent stay as they are. */
export interface JobWrite {
  readonly order?: JobOrder;
  readonly job?: Job;
  readonly chores?: Chores;
  readonly deliveries?: readonly Delivery[];
  readonly events?: readonly JobEvent[];
}

export interface JobStore {
  read(): JobRecord | undefined;
  /** Gives the events their numbers. */
  write(write: JobWrite): readonly StoredEvent[];
  eventsAfter(seq: number): readonly StoredEvent[];
  lastSeq(): number;
}

/** The calls of a Durable Object's SQLite that are needed. */
export interface SqlStorage {
  exec(query: string, ...bindings: (string | number)[]): { toArray(): Record<string, unknown>[] };
}

/** A store in SQLite. `together` runs its argument as one transaction. */
export function createSqlJobStore(sql: SqlStorage, together: (work: () => void) => void): JobStore {
  sql.exec("CREATE TABLE IF NOT EXISTS record (name TEXT PRIMARY KEY, document TEXT NOT NULL)");
  sql.exec("CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT, at_ms INTEGER, data TEXT)");
  sql.exec("CREATE TABLE IF NOT EXISTS deliveries (id TEXT PRIMARY KEY, document TEXT NOT NULL)");

  const lastSeq = (): number => Number(sql.exec("SELECT max(seq) AS seq FROM events").toArray()[0]?.seq ?? 0);

  function put(name: "order" | "job" | "chores", document: unknown): void {
    if (document !== undefined)
      sql.exec("INSERT OR REPLACE INTO record (name, document) VALUES (?, ?)", name, JSON.stringify(document));
  }

  return {
    lastSeq,
    read() {
      const rows = sql.exec("SELECT name, document FROM record").toArray();
      const documents = new Map(rows.map((row) => [row.name, JSON.parse(String(row.document)) as unknown]));
      if (!documents.has("job")) return undefined;
      const deliveries = sql.exec("SELECT document FROM deliveries ORDER BY id").toArray();
      return {
        order: documents.get("order") as JobOrder,
        job: documents.get("job") as Job,
        chores: documents.get("chores") as Chores,
        deliveries: deliveries.map((row) => JSON.parse(String(row.document)) as Delivery),
      };
    },
    write({ order, job, chores, deliveries = [], events = [] }) {
      const from = lastSeq() + 1;
      const stored = events.map((event, index) => ({ ...event, seq: from + index }));
      together(() => {
        put("order", order);
        put("job", job);
        put("chores", chores);
        for (const delivery of deliveries)
          sql.exec(
            "INSERT OR REPLACE INTO deliveries (id, document) VALUES (?, ?)",
            delivery.id,
            JSON.stringify(delivery),
          );
        for (const { seq, type, atMs, data } of stored)
          sql.exec(
            "INSERT INTO events (seq, type, at_ms, data) VALUES (?, ?, ?, ?)",
            ...[seq, type, atMs, JSON.stringify(data)],
          );
      });
      return stored;
    },
    eventsAfter: (seq) =>
      sql
        .exec("SELECT seq, type, at_ms, data FROM events WHERE seq > ? ORDER BY seq", seq)
        .toArray()
        .map((row) => ({
          seq: Number(row.seq),
          type: String(row.type) as JobEvent["type"],
          atMs: Number(row.at_ms),
          data: JSON.parse(String(row.data)) as JobEvent["data"],
        })),
  };
}
