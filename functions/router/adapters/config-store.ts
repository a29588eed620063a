/**
 * The snapshot that this isolate serves.
 *
 * State: isolate memory; truth: KV `config/current` → `config/<version>`. A snapshot at hand is served at once and looked after in the
 * background when it is older than eight seconds; only a fresh isolate waits for KV, and not for long. Each request looks for itself, for
 * a promise must not outlive the request that made it. During a staged push both versions are at hand; `pick-config.ts` chooses.
 * Fails open: KV down or garbage in KV keeps the last good snapshot, and a fresh isolate serves the one bundled at build.
 */
import {
  type Clock,
  type ConfigPointer,
  CURRENT_CONFIG_KEY,
  configKey,
  parsePointer,
  parseSnapshot,
  type RecordedArm,
  type Snapshot,
} from "../../../routing/index.ts";

/** How long a snapshot is served without looking at KV again, ms: with the look itself within ten seconds (design.md §2). */
const FRESH_MS = 8_000;

/** How long a fresh isolate waits for KV before it serves the bundled snapshot, ms. */
const FIRST_LOAD_MS = 2_000;

/** Where the served snapshot came from, and how the last look at KV went. */
export interface ServedConfig {
  /** During a staged push: the former version, which serves everybody who is not picked. */
  readonly snapshot: Snapshot;
  readonly source: "kv" | "bundled";
  readonly pointer?: ConfigPointer;
  /** The pointer's version while it serves only a part of the traffic. */
  readonly staged?: Snapshot;
  /** The judged push that this request was picked by, or not; set for each request. */
  readonly stage?: PickedStage;
  /** Last time KV confirmed this version, epoch ms; `undefined`: never. */
  readonly confirmedAtMs?: number;
  /** Why the last look at KV did not bring a snapshot; `undefined`: it did. */
  readonly problem?: ConfigProblem;
}

/** A request's side of a staged push under judgement. */
export interface PickedStage {
  /** The version that serves whom the push does not. */
  readonly former: Snapshot;
  /** The pointer as it stands in KV. */
  readonly pointer: ConfigPointer;
  /** What an outcome is recorded under; absent once the experiment is over, or while it is not known. */
  readonly recorded?: RecordedArm;
}

export type ConfigProblem =
  | "kv_unreachable"
  | "nothing_pushed"
  | "pointer_garbled"
  | "document_missing"
  | "document_garbled";

export interface ConfigStore {
  /** The snapshot to serve now; refreshes behind the caller's back through `background`. */
  current(background: (work: Promise<unknown>) => void): ServedConfig | Promise<ServedConfig>;
}

/** The one call of a KV namespace that is needed. */
export interface ConfigReader {
  get(key: string): Promise<string | null>;
}

export interface ConfigStoreOptions {
  readonly kv: ConfigReader;
  readonly bundled: Snapshot;
  readonly clock: Clock;
}

/** One store an isolate. */
export function createConfigStore({ kv, bundled, clock }: ConfigStoreOptions): ConfigStore {
  let served: ServedConfig = { snapshot: bundled, source: "bundled" };
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let isFresh = true;

  async function look(): Promise<void> {
    const found = await readCurrent(kv, served);
    served = typeof found === "string" ? { ...served, problem: found } : { ...found, confirmedAtMs: clock.nowMs() };
    isFresh = false;
  }

  return {
    current(background) {
      if (!isFresh && clock.nowMs() - lookedAtMs < FRESH_MS) return served;
      lookedAtMs = clock.nowMs();
      const looking = look();
      background(looking);
      if (!isFresh) return served;
      return Promise.race([looking, clock.sleep(FIRST_LOAD_MS)]).then(() => {
        // A KV that does not answer holds nobody up twice.
        isFresh = false;
        return served;
      });
    },
  };
}

/** Pointer, then documents; a document only when its version is not at hand. A problem leaves what is served alone. */
async function readCurrent(kv: ConfigReader, served: ServedConfig): Promise<ServedConfig | ConfigProblem> {
  const known = [served.snapshot, ...(served.staged === undefined ? [] : [served.staged])];
  try {
    const pointerText = await kv.get(CURRENT_CONFIG_KEY);
    if (pointerText === null) return "nothing_pushed";
    const parsed = parsePointer(pointerText);
    if (!parsed.ok) return "pointer_garbled";
    const pointer = parsed.value;
    const { version, previous, rollout } = pointer;
    const newest = await readVersion(kv, version, known);
    if (typeof newest === "string") return newest;
    if (rollout === undefined || previous === undefined) return { snapshot: newest, source: "kv", pointer };
    const former = await readVersion(kv, previous, known);
    if (typeof former === "string") return former;
    return { snapshot: former, source: "kv", pointer, staged: newest };
  } catch {
    return "kv_unreachable";
  }
}

async function readVersion(
  kv: ConfigReader,
  version: string,
  known: readonly Snapshot[],
): Promise<Snapshot | ConfigProblem> {
  const atHand = known.find((snapshot) => snapshot.version === version);
  if (atHand !== undefined) return atHand;
  const text = await kv.get(configKey(version));
  if (text === null) return "document_missing";
  const parsed = parseSnapshot(text);
  return parsed.ok && parsed.value.version === version ? parsed.value : "document_garbled";
}
