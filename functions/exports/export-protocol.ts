/**
 * What the router asks of a job's object and of a tenant's index, as plain data and calls.
 */
import type { JobOrder } from "./job-order.ts";
import type { JobRecord } from "./job-store.ts";

/** One job. Every call but `create` names the tenant; another's job is not there. */
export interface ExportJobObject {
  create(order: JobOrder): Promise<void>;
  /** Without a tenant: for whoever holds a signed link. */
  look(tenant?: string): Promise<JobRecord | undefined>;
  /** `undefined`: no such job; `false`: over already. */
  cancel(tenant: string): Promise<boolean | undefined>;
  /** Waits until the job is over, `waitMs` at most; the record then. */
  settled(tenant: string, waitMs: number): Promise<JobRecord | undefined>;
  redeliver(tenant: string): Promise<boolean | undefined>;
  /** Sees to it that the job goes on; `false`: there is no such job. */
  poke(): Promise<boolean>;
  /** `GET` with `galley-tenant` and `last-event-id`: the event stream. */
  fetch(request: Request): Promise<Response>;
}

/** What a listing shows of a job. */
export interface IndexEntry {
  readonly id: string;
  readonly state: string;
  readonly createdAtMs: number;
  readonly endedAtMs?: number;
  readonly route: string;
  readonly model: string;
}

export interface AdmitAsk {
  /** The id that a new job gets. */
  readonly id: string;
  /** Absent: every call is a new job. */
  readonly key?: string;
  readonly fingerprint: string;
  readonly nowMs: number;
  /** Most jobs of the tenant that are not over. */
  readonly maxOpen: number;
  readonly route: string;
  readonly model: string;
}

export type Admission =
  | {
      readonly admitted: true;
      readonly id: string;
      readonly isNew: boolean;
      /** Open jobs of the tenant that were taken before this one. */
      readonly ahead: number;
    }
  | { readonly admitted: false; readonly why: "mismatch" }
  | { readonly admitted: false; readonly why: "full"; readonly open: number };

export interface ListAsk {
  readonly limit: number;
  /** From the former page. */
  readonly before?: number;
  readonly state?: string;
  readonly route?: string;
}

export interface ListPage {
  readonly entries: readonly IndexEntry[];
  /** For the next page; absent on the last. */
  readonly next?: number;
}

/** One tenant's jobs. */
export interface ExportIndexObject {
  admit(ask: AdmitAsk): Promise<Admission>;
  report(entry: IndexEntry): Promise<void>;
  forget(id: string): Promise<void>;
  list(ask: ListAsk): Promise<ListPage>;
  /** Jobs that wait and were taken before this one. */
  ahead(id: string): Promise<number>;
  openCount(): Promise<number>;
}
