/**
 * ExportIndex: one Durable Object a tenant. Which jobs there are, how many are open, which idempotency key means which job.
 *
 * A job is entered here before its own object is made, so that one that was begun is always found again: the alarm pokes open jobs that
 * have said nothing for a while. State: SQLite. Fails safe: a lost report leaves a job open here until the next poke brings another.
 */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../router/environment.ts";
import type { Admission, AdmitAsk, ExportIndexObject, IndexEntry, ListAsk, ListPage } from "./export-protocol.ts";
import { jobOf } from "./find-objects.ts";

/** How long a key means its job, ms (control.md §9: 48 h). */
const KEY_MS = 48 * 3_600_000;

/** How often open jobs are looked after, ms. */
const SWEEP_MS = 30_000;

/** An entry whose job was never made is dropped after this, ms: its caller was not answered 202. */
const UNMADE_MS = 120_000;

const OVER = "('done', 'failed', 'cancelled')";

type Row = Record<string, string | number | null>;

export class ExportIndex extends DurableObject<Env> implements ExportIndexObject {
  readonly #sql: DurableObjectState["storage"]["sql"];
  readonly #storage: DurableObjectState["storage"];

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#storage = state.storage;
    this.#sql = state.storage.sql;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS jobs (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, state TEXT, created_ms INTEGER, " +
        "ended_ms INTEGER, route TEXT, model TEXT, seen_ms INTEGER)",
    );
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY, id TEXT, fingerprint TEXT, made_ms INTEGER)",
    );
  }

  async admit(ask: AdmitAsk): Promise<Admission> {
    const { id, key, fingerprint, nowMs } = ask;
    this.#sql.exec("DELETE FROM keys WHERE made_ms <= ?", nowMs - KEY_MS);
    const known = key === undefined ? undefined : this.#first("SELECT id, fingerprint FROM keys WHERE key = ?", key);
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) return { admitted: false, why: "mismatch" };
      const knownId = String(known.id);
      if (this.#first("SELECT id FROM jobs WHERE id = ?", knownId) === undefined) this.#enter(ask, knownId);
      return { admitted: true, id: knownId, isNew: false, ahead: await this.ahead(knownId) };
    }
    const open = await this.openCount();
    if (open >= ask.maxOpen) return { admitted: false, why: "full", open };
    if (key !== undefined) {
      this.#sql.exec(
        "INSERT INTO keys (key, id, fingerprint, made_ms) VALUES (?, ?, ?, ?)",
        ...[key, id, fingerprint, nowMs],
      );
    }
    this.#enter(ask, id);
    await this.#sweepSoon();
    return { admitted: true, id, isNew: true, ahead: open };
  }

  async report(entry: IndexEntry): Promise<void> {
    const { id, state, createdAtMs, endedAtMs, route, model } = entry;
    // Reports may overtake each other; a job that is over stays so.
    this.#sql.exec(
      "INSERT INTO jobs (id, state, created_ms, ended_ms, route, model, seen_ms) VALUES (?, ?, ?, ?, ?, ?, ?) " +
        "ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_ms = excluded.ended_ms, seen_ms = excluded.seen_ms " +
        `WHERE jobs.state NOT IN ${OVER}`,
      ...[id, state, createdAtMs, endedAtMs ?? null, route, model, Date.now()],
    );
  }

  async forget(id: string): Promise<void> {
    this.#sql.exec("DELETE FROM jobs WHERE id = ?", id);
    this.#sql.exec("DELETE FROM keys WHERE id = ?", id);
  }

  async list({ limit, before, state, route }: ListAsk): Promise<ListPage> {
    if ((await this.openCount()) > 0) await this.#sweepSoon();
    const rows = this.#all(
      "SELECT seq, id, state, created_ms, ended_ms, route, model FROM jobs WHERE seq < ? AND (? = '' OR state = ?) " +
        "AND (? = '' OR route = ?) ORDER BY seq DESC LIMIT ?",
      ...[before ?? Number.MAX_SAFE_INTEGER, state ?? "", state ?? "", route ?? "", route ?? "", limit + 1],
    );
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      entries: shown.map(toEntry),
      ...(rows.length > limit && last !== undefined ? { next: Number(last.seq) } : {}),
    };
  }

  async ahead(id: string): Promise<number> {
    const query = `SELECT count(*) AS n FROM jobs WHERE state NOT IN ${OVER} AND seq < (SELECT seq FROM jobs WHERE id = ?)`;
    return Number(this.#first(query, id)?.n ?? 0);
  }

  async openCount(): Promise<number> {
    return Number(this.#first(`SELECT count(*) AS n FROM jobs WHERE state NOT IN ${OVER}`)?.n ?? 0);
  }

  /** Looks after jobs that have said nothing for a while. */
  override async alarm(): Promise<void> {
    try {
      const nowMs = Date.now();
      const quiet = this.#all(
        `SELECT id, created_ms FROM jobs WHERE state NOT IN ${OVER} AND seen_ms <= ? LIMIT 100`,
        nowMs - SWEEP_MS,
      );
      for (const row of quiet) await this.#lookAfter(String(row.id), Number(row.created_ms), nowMs);
    } catch {
      // The next sweep tries again; one that throws would be given up after a while.
    }
    if ((await this.openCount()) > 0) await this.#sweepSoon();
  }

  async #lookAfter(id: string, createdMs: number, nowMs: number): Promise<void> {
    const isThere = await jobOf(this.env, id).poke();
    if (isThere) this.#sql.exec("UPDATE jobs SET seen_ms = ? WHERE id = ?", nowMs, id);
    else if (createdMs <= nowMs - UNMADE_MS) await this.forget(id);
  }

  /** An alarm that is long overdue was lost: a kill can fall between the object's word and the runtime's. */
  async #sweepSoon(): Promise<void> {
    const [nowMs, atMs] = [Date.now(), await this.#storage.getAlarm()];
    if (atMs === null || atMs < nowMs - SWEEP_MS) await this.#storage.setAlarm(nowMs + SWEEP_MS);
  }

  #enter({ nowMs, route, model }: AdmitAsk, id: string): void {
    this.#sql.exec(
      "INSERT INTO jobs (id, state, created_ms, route, model, seen_ms) VALUES (?, 'queued', ?, ?, ?, ?)",
      ...[id, nowMs, route, model, nowMs],
    );
  }

  #first(query: string, ...bindings: (string | number)[]): Row | undefined {
    return this.#all(query, ...bindings)[0];
  }

  #all(query: string, ...bindings: (string | number)[]): Row[] {
    return this.#sql.exec(query, ...bindings).toArray() as Row[];
  }
}

function toEntry(row: Row): IndexEntry {
  return {
    id: String(row.id),
    state: String(row.state),
    createdAtMs: Number(row.created_ms),
    ...(row.ended_ms === null || row.ended_ms === undefined ? {} : { endedAtMs: Number(row.ended_ms) }),
    route: String(row.route),
    model: String(row.model),
  };
}
