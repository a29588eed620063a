/**
 * ExportJob: one Durable Object a job. What it does is `job-host.ts`'s; here it gets SQLite, the alarm, the object store and the network.
 *
 * The alarm is the only clock that survives a crash: it is asked for in the same turn as what it is for is written down, and a handler
 * that throws would be given up after six times, so this one does not.
 */
import { DurableObject } from "cloudflare:workers";
import {
  type AttemptFailure,
  type InlinePicture,
  isOver,
  type RunningAttempt,
  sizeClassOf,
} from "../../routing/index.ts";
import type { ServedConfig } from "../router/adapters/config-store.ts";
import { portsFor } from "../router/adapters/ports.ts";
import { regionLinks } from "../router/adapters/region-schedulers/region-links.ts";
import { type Env, isLocal } from "../router/environment.ts";
import { configStoreOf } from "../router/served-config.ts";
import { codecOf } from "./codec.ts";
import { deliverWebhook } from "./deliver-webhook.ts";
import type { ExportJobObject } from "./export-protocol.ts";
import { indexOf } from "./find-objects.ts";
import { followEvents } from "./follow-events.ts";
import { armsOfRound, notingRefusals, reportEnd } from "./job-arms.ts";
import { createJobHost, type JobHost, type Round, type RoundResult } from "./job-host.ts";
import type { JobOrder, KeptPicture } from "./job-order.ts";
import { createSqlJobStore, type JobRecord } from "./job-store.ts";
import { runRound } from "./run-round.ts";
import { stateDocument } from "./state-document.ts";
import { artPrefix, createPictureStore, scratchPrefix } from "./store-picture.ts";
import { webhookSecrets } from "./webhook-secrets.ts";

export class ExportJob extends DurableObject<Env> implements ExportJobObject {
  readonly #host: JobHost;
  readonly #state: DurableObjectState;
  /** Models that had no endpoint left when this job asked. */
  readonly #refused = new Set<string>();

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#state = state;
    const { storage } = state;
    this.#host = createJobHost({
      nowMs: () => Date.now(),
      random: Math.random,
      store: createSqlJobStore(storage.sql, (work) => storage.transactionSync(work)),
      wakeAt: (atMs) => storage.setAlarm(Math.max(Date.now(), atMs)),
      runRound: (round) => this.#runRound(round),
      deliver: (delivery) =>
        deliverWebhook(delivery, { secrets: webhookSecrets(env), loopback: isLocal(env), nowMs: Date.now() }),
      report: async (record) => {
        await indexOf(env, record.order.terms.tenant).report(toEntry(record));
        if (isOver(record.job)) await reportEnd(record, this.#refused, env);
      },
      sweep: (record) => this.#sweep(record),
      expire: (record) => this.#expire(record),
      // A bug: the log gets where it happened, not with what.
      broke: (where, error) =>
        console.error(
          JSON.stringify({ event: "export-broke", where, error: error instanceof Error ? error.name : typeof error }),
        ),
    });
  }

  create(order: JobOrder): Promise<void> {
    return this.#host.create(order);
  }

  async look(tenant?: string): Promise<JobRecord | undefined> {
    await this.#host.ensureAwake();
    return tenant === undefined ? this.#host.record() : this.#recordOf(tenant);
  }

  async cancel(tenant: string): Promise<boolean | undefined> {
    return this.#recordOf(tenant) && this.#host.cancel();
  }

  async redeliver(tenant: string): Promise<boolean | undefined> {
    return this.#recordOf(tenant) && this.#host.redeliver();
  }

  async settled(tenant: string, waitMs: number): Promise<JobRecord | undefined> {
    const record = this.#recordOf(tenant);
    if (record === undefined || isOver(record.job)) return record;
    await this.#host.ensureAwake();
    await new Promise<void>((resolve) => {
      const stop = this.#host.follow(Number.MAX_SAFE_INTEGER, () => {
        const now = this.#host.record();
        if (now === undefined || isOver(now.job)) done();
      });
      const timer = setTimeout(done, waitMs);
      function done() {
        clearTimeout(timer);
        stop();
        resolve();
      }
    });
    return this.#recordOf(tenant);
  }

  async poke(): Promise<boolean> {
    await this.#host.ensureAwake();
    return this.#host.record() !== undefined;
  }

  override async fetch(request: Request): Promise<Response> {
    const record = this.#recordOf(request.headers.get("galley-tenant") ?? "");
    if (record === undefined) return new Response(null, { status: 404 });
    await this.#host.ensureAwake();
    const lastSeq = this.#store().lastSeq();
    const asked = request.headers.get("last-event-id");
    const after = asked !== null && /^\d{1,15}$/.test(asked) ? Math.min(Number(asked), lastSeq) : undefined;
    // 204 tells a reader that came back after the end to stay away (HTML: EventSource reconnection).
    if (isOver(record.job) && after === lastSeq) return new Response(null, { status: 204 });
    const snapshot = stateDocument(record, Date.now());
    const stream = followEvents(this.#host, { ...(after === undefined ? {} : { after }), lastSeq, snapshot });
    return new Response(stream, {
      headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" },
    });
  }

  override alarm(): Promise<void> {
    return this.#host.work();
  }

  #recordOf(tenant: string): JobRecord | undefined {
    const record = this.#host.record();
    return record?.order.terms.tenant === tenant ? record : undefined;
  }

  #store() {
    const { storage } = this.#state;
    return createSqlJobStore(storage.sql, (work) => storage.transactionSync(work));
  }

  async #runRound(round: Round): Promise<RoundResult> {
    const background = (work: Promise<unknown>) => this.#state.waitUntil(work);
    const served = await configStoreOf(this.env).current(background);
    const arms = await armsOfRound(round.order, this.env);
    return runRound(round, {
      ...(arms === undefined ? {} : { arms }),
      snapshot: served.snapshot,
      ports: notingRefusals(portsFor({ env: this.env, served, background }), this.#refused),
      pictures: createPictureStore(this.env.IMAGES),
      codec: codecOf(this.env),
      nowMs: () => Date.now(),
      giveBack: (orphan) => background(this.#giveBack(orphan, round, served)),
      load: (kept) => this.#load(kept),
    });
  }

  /** The scheduler would find out by itself, but only when the lease has expired. */
  async #giveBack({ leaseId, ...attempt }: RunningAttempt, { order }: Round, served: ServedConfig): Promise<void> {
    if (leaseId === undefined) return;
    const { snapshot, pointer } = served;
    const failure: AttemptFailure = { reason: "cancelled", cause: "revoked" };
    const outcome = {
      model: attempt.model,
      sizeClass: sizeClassOf(order.width, order.height),
      result: { ok: false, failure },
      elapsedMs: Math.max(0, Date.now() - attempt.startedAtMs),
    } as const;
    await regionLinks(this.env.REGION, snapshot.content.catalog.places)
      .to(attempt.place)
      .call({
        version: snapshot.version,
        pushedAtMs: pointer?.pushedAtMs ?? 0,
        released: [{ leaseId, endpoint: attempt.endpoint, outcome }],
      })
      .catch(() => undefined);
  }

  async #load({ key, format }: KeptPicture): Promise<InlinePicture> {
    const kept = await this.env.IMAGES.get(key);
    if (kept === null) throw new Error("A reference picture is gone");
    return { bytes: new Uint8Array(await new Response(kept.body).arrayBuffer()), format };
  }

  async #sweep({ order: { terms, image, moreImages = [], mask }, job: { picture } }: JobRecord): Promise<void> {
    const kept = [image, ...moreImages, mask].flatMap((reference) => (reference === undefined ? [] : [reference.key]));
    const left = await Promise.all(
      [scratchPrefix(terms.id), artPrefix(terms.id)].map((prefix) => this.#keysOf(prefix)),
    );
    const keys = [...kept, ...left.flat().filter((key) => key !== picture?.key)];
    if (keys.length > 0) await this.env.IMAGES.delete(keys);
  }

  async #expire({ order }: JobRecord): Promise<void> {
    const keys = await this.#keysOf(artPrefix(order.terms.id));
    if (keys.length > 0) await this.env.IMAGES.delete(keys);
    await indexOf(this.env, order.terms.tenant).forget(order.terms.id);
    await this.#state.storage.deleteAll();
  }

  /** A job leaves a handful of objects, so one page is all of them. */
  async #keysOf(prefix: string): Promise<string[]> {
    const { objects } = await this.env.IMAGES.list({ prefix });
    return objects.map(({ key }) => key);
  }
}

function toEntry({ order, job }: JobRecord) {
  return {
    id: order.terms.id,
    state: job.state,
    createdAtMs: order.terms.createdAtMs,
    ...(job.endedAtMs === undefined ? {} : { endedAtMs: job.endedAtMs }),
    route: order.route,
    model: order.model,
  };
}
