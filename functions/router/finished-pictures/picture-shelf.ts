/**
 * Where finished pictures are kept: the Cache API of this data centre in front, R2 behind it for all of them.
 *
 * State: R2 under `cache/<address>`, which a lifecycle rule of the bucket empties (wrangler.toml), and copies in the Cache API, which
 * empties itself. An address is a hash of everything that makes the picture, the tenant among it, so an entry is never wrong, only old.
 * Fails open: whatever cannot be found in time, or read, is drawn anew; whatever cannot be written is not kept.
 */
import { type Clock, MEDIA_TYPES } from "../../../routing/index.ts";
import { type KeptFacts, readFacts, writeFacts } from "./kept-facts.ts";

const PREFIX = "cache/";

/** Longest that a request waits for the shelves, ms: what a scheduler may take too. A miss costs this at most. */
export const LOOK_WITHIN_MS = 150;

/** Largest picture that is kept, bytes. The largest of print models are 25 MB. */
export const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** A cache of our own: nothing that the zone's other requests ask for leads into it. */
const CACHE_NAME = "galley-finished-pictures";
const CACHE_ORIGIN = "https://finished-pictures.galley.internal/";
const FACTS_HEADER = "galley-facts";

export interface FoundPicture {
  readonly facts: KeptFacts;
  readonly lengthBytes: number;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

export interface ShelfPorts {
  readonly bucket: R2Bucket;
  readonly clock: Clock;
  background(work: Promise<unknown>): void;
}

export interface FindAsk {
  readonly address: string;
  /** Older ones are not served, ms. */
  readonly maxAgeMs: number;
}

/** The picture at an address, unless it is too old or the shelves are too slow. */
export async function findPicture(ask: FindAsk, ports: ShelfPorts): Promise<FoundPicture | undefined> {
  const patience = new AbortController();
  const tooLate = ports.clock.sleep(LOOK_WITHIN_MS, patience.signal).then(() => "late" as const);
  const looking = look(ask, ports).catch(() => undefined);
  const first = await Promise.race([looking, tooLate]);
  patience.abort();
  if (first !== "late") return first;
  ports.background(looking.then((found) => letGo(found?.body)));
  return undefined;
}

async function look(ask: FindAsk, ports: ShelfPorts): Promise<FoundPicture | undefined> {
  const { address, maxAgeMs } = ask;
  const isFresh = ({ madeAtMs }: KeptFacts) => ports.clock.nowMs() - madeAtMs < maxAgeMs;
  const near = await nearby(address).catch(() => undefined);
  if (near !== undefined && isFresh(near.facts)) return near;
  letGo(near?.body);
  const stored = await ports.bucket.get(PREFIX + address);
  const facts = readFacts(stored?.customMetadata?.["facts"]);
  if (stored === null || facts === undefined || !isFresh(facts)) {
    letGo(stored?.body);
    return undefined;
  }
  ports.background(bringNear(ask, ports).catch(() => undefined));
  return { facts, lengthBytes: stored.size, body: stored.body as FoundPicture["body"] };
}

async function nearby(address: string): Promise<FoundPicture | undefined> {
  const cache = await caches.open(CACHE_NAME);
  const response = await cache.match(CACHE_ORIGIN + address);
  const facts = readFacts(response?.headers.get(FACTS_HEADER));
  const length = response?.headers.get("content-length") ?? null;
  if (!response?.body || facts === undefined || length === null) {
    letGo(response?.body);
    return undefined;
  }
  return { facts, lengthBytes: Number(length), body: response.body as FoundPicture["body"] };
}

/** Nobody will read it. */
function letGo(body: ReadableStream | null | undefined): void {
  body?.cancel().catch(() => undefined);
}

/** A picture that was found far away is the next time found here. Read once more, because its body is on its way to the client. */
async function bringNear({ address, maxAgeMs }: FindAsk, { bucket, clock }: ShelfPorts): Promise<void> {
  const stored = await bucket.get(PREFIX + address);
  const facts = readFacts(stored?.customMetadata?.["facts"]);
  if (stored === null || facts === undefined) return;
  const leftMs = facts.madeAtMs + maxAgeMs - clock.nowMs();
  await putNear({ address, facts, leftMs, lengthBytes: stored.size }, stored.body);
}

interface NearPicture {
  readonly address: string;
  readonly facts: KeptFacts;
  readonly lengthBytes: number;
  /** How long it may still be served, ms. */
  readonly leftMs: number;
}

async function putNear(
  { address, facts, lengthBytes, leftMs }: NearPicture,
  body: ReadableStream | Uint8Array<ArrayBuffer>,
): Promise<void> {
  const cache = await caches.open(CACHE_NAME);
  const headers = {
    [FACTS_HEADER]: writeFacts(facts),
    "content-type": MEDIA_TYPES[facts.format],
    "content-length": String(lengthBytes),
    "cache-control": `max-age=${Math.max(1, Math.ceil(leftMs / 1_000))}`,
  };
  await cache.put(CACHE_ORIGIN + address, new Response(body, { headers }));
}

export interface KeepAsk extends FindAsk {
  readonly facts: KeptFacts;
}

/** Keeps a picture that is whole. Never rejects. */
export async function keepPicture(
  { address, maxAgeMs, facts }: KeepAsk,
  bytes: Uint8Array<ArrayBuffer>,
  { bucket }: Pick<ShelfPorts, "bucket">,
): Promise<void> {
  await Promise.allSettled([
    putNear({ address, facts, leftMs: maxAgeMs, lengthBytes: bytes.byteLength }, bytes),
    bucket.put(PREFIX + address, bytes, storedAs(facts)),
  ]);
}

/** Where an upload of a picture goes that is not whole yet. */
export function shelfPlace({ address, facts }: Omit<KeepAsk, "maxAgeMs">): {
  readonly key: string;
  readonly options: R2MultipartOptions;
} {
  return { key: PREFIX + address, options: storedAs(facts) };
}

function storedAs(facts: KeptFacts) {
  return { httpMetadata: { contentType: MEDIA_TYPES[facts.format] }, customMetadata: { facts: writeFacts(facts) } };
}
