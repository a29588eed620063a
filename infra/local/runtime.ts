/**
 * The built Worker in real workerd on its own loopback port: no dev proxy in front, no request log.
 *
 * What `npm run serve`, the end-to-end tests and the benchmarks run. State is in memory unless a folder is given.
 */
import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import {
  CURRENT_CONFIG_KEY,
  configKey,
  POINTER_SCHEMA,
  type Snapshot,
  toSnapshotJson,
} from "../../routing/authoring.ts";
import { WORKER_FILE, WORKER_OPTIONS_FILE } from "../build.ts";

const WORKER_NAME = "galley";

export interface RouterOptions {
  /** 0 picks a free port. */
  readonly port?: number;
  /** Pushed into the runtime's KV before it answers; absent: KV stays empty and the bundled one serves. */
  readonly snapshot?: Snapshot;
  readonly message?: string;
  /** Variables and secrets. `GALLEY_MODE` is `local` unless it is given here. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Other Workers in the same workerd, each on a socket of its own: what a benchmark compares with. */
  readonly beside?: readonly BesideWorker[];
  /** Keep KV, R2 and Durable Objects here; absent: in memory. */
  readonly stateDir?: string;
  /** Told what the runtime and the Worker log, line by line; absent: the runtime prints it. */
  log?(line: RuntimeLog): void;
  /** Stands before the object store: what a storm breaks. */
  readonly bucket?: BucketWorker;
  /** Besides, a way in through the asset router, as Cloudflare has one. */
  readonly front?: boolean;
}

/** `level` is the console's: `log`, `debug`, `info`, `warn`, `error`. */
export interface RuntimeLog {
  readonly level: string;
  readonly message: string;
}

/** A Worker whose entrypoint `entrypoint` plays the bucket over RPC; it finds the real one under BUCKET. */
export interface BucketWorker {
  readonly script: string;
  readonly entrypoint: string;
  readonly variables: Readonly<Record<string, string>>;
}

const BUCKET_WORKER = "bucket";
const PAGES_WORKER = "pages";
const FRONT_WORKER = "front";

const NO_SUCH_PAGE = "export default { fetch: () => new Response(null, { status: 404 }) };";
const TO_ROUTER = "export default { fetch: (request, env) => env.ROUTER.fetch(request) };";

export interface BesideWorker {
  readonly name: string;
  /** An ES module. */
  readonly script: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Bindings to Durable Object classes of the built Worker: binding → class. */
  readonly objects?: Readonly<Record<string, string>>;
}

export interface Router {
  /** Straight to the Worker. */
  readonly url: string;
  /** Through the asset router: static files first, then the Worker. Only where it was asked for. */
  readonly frontUrl?: string;
  readonly besideUrls: Readonly<Record<string, string>>;
  /** Of the Worker before the object store, where there is one. */
  readonly bucketUrl?: string;
  /** Pushes a snapshot: the document, then the pointer. */
  push(snapshot: Snapshot, message?: string): Promise<void>;
  /** The CONFIG namespace, to look at it and to break it on purpose. */
  readonly config: {
    get(key: string): Promise<string | null>;
    put(key: string, value: string): Promise<void>;
    delete(key: string): Promise<void>;
  };
  stop(): Promise<void>;
}

/** Starts the built Worker. Run `npm run build` first. */
export async function startRouter(options: RouterOptions = {}): Promise<Router> {
  const workerOptions = JSON.parse(readFileSync(WORKER_OPTIONS_FILE, "utf8")) as Record<string, unknown>;
  const variables = { GALLEY_MODE: "local", ...options.variables };
  const beside = options.beside ?? [];
  const { bucket } = options;
  const { r2Buckets, assets, ...ownOptions } = workerOptions as { r2Buckets?: { IMAGES?: unknown }; assets?: object };
  const compatibilityDate = workerOptions["compatibilityDate"];
  const converted = convertV4MiniflareOptions({
    cf: false,
    log: new Log(LogLevel.ERROR),
    workers: [
      {
        ...ownOptions,
        name: WORKER_NAME,
        modules: [{ type: "ESModule", path: "worker.js", contents: readFileSync(WORKER_FILE, "utf8") }],
        bindings: { ...(workerOptions["bindings"] as object), ...variables },
        ...(bucket === undefined ? { r2Buckets } : {}),
        serviceBindings: {
          ASSETS: PAGES_WORKER,
          ...(bucket === undefined ? {} : { IMAGES: { name: BUCKET_WORKER, entrypoint: bucket.entrypoint } }),
        },
        unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port ?? 0 }],
      },
      // The runtime puts a proxy before every Worker that has static files; on Cloudflare there is none. So they have a Worker of their own.
      {
        ...{ name: PAGES_WORKER, compatibilityDate, assets },
        modules: [{ type: "ESModule", path: "pages.js", contents: NO_SUCH_PAGE }],
      },
      ...(options.front
        ? [
            {
              ...{ name: FRONT_WORKER, compatibilityDate, assets, serviceBindings: { ROUTER: WORKER_NAME } },
              modules: [{ type: "ESModule", path: "front.js", contents: TO_ROUTER }],
              unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
            },
          ]
        : []),
      ...beside.map(({ name, script, variables: bindings, objects = {} }) => ({
        name,
        modules: [{ type: "ESModule", path: "beside.js", contents: script }],
        compatibilityDate,
        bindings,
        durableObjects: Object.fromEntries(
          Object.entries(objects).map(([binding, className]) => [binding, { className, scriptName: WORKER_NAME }]),
        ),
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      })),
      ...(bucket === undefined
        ? []
        : [
            {
              name: BUCKET_WORKER,
              modules: [{ type: "ESModule", path: "bucket.js", contents: bucket.script }],
              compatibilityDate,
              bindings: bucket.variables,
              r2Buckets: { BUCKET: r2Buckets?.IMAGES },
              unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
            },
          ]),
    ],
  } as Parameters<typeof convertV4MiniflareOptions>[0]);
  Object.assign(converted, {
    logRequests: false,
    ...(options.log === undefined ? {} : { handleStructuredLogs: options.log }),
    ...(options.stateDir === undefined ? {} : { resourcePersistencePath: options.stateDir }),
  });
  const miniflare = new Miniflare(converted);
  await miniflare.ready;
  const kv = await miniflare.getKVNamespace("CONFIG", WORKER_NAME);
  const push = async (snapshot: Snapshot, message = "local") => {
    await kv.put(configKey(snapshot.version), toSnapshotJson(snapshot));
    await kv.put(
      CURRENT_CONFIG_KEY,
      JSON.stringify({
        schema: POINTER_SCHEMA,
        version: snapshot.version,
        message,
        author: "local",
        pushedAtMs: Date.now(),
      }),
    );
  };
  if (options.snapshot !== undefined) await push(options.snapshot, options.message);
  const urlOf = async (name: string) => (await miniflare.unsafeGetDirectURL(name)).origin;
  const besideUrls = await Promise.all(beside.map(async ({ name }) => [name, await urlOf(name)] as const));
  return {
    url: await urlOf(WORKER_NAME),
    ...(options.front ? { frontUrl: await urlOf(FRONT_WORKER) } : {}),
    besideUrls: Object.fromEntries(besideUrls),
    ...(bucket === undefined ? {} : { bucketUrl: await urlOf(BUCKET_WORKER) }),
    push,
    config: {
      get: (key) => kv.get(key, "text"),
      put: (key, value) => kv.put(key, value),
      delete: (key) => kv.delete(key),
    },
    stop: () => miniflare.dispose(),
  };
}
