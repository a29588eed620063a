/**
 * The snapshot that this isolate serves.
 *
 * State: isolate memory; truth: KV `config/current` → `config/<version>`. A snapshot at hand is served at once and looked after in the
 * background when it is older than ten seconds; only a fresh isolate waits for KV, and not for long.
 * Fails open: KV down or garbage in KV keeps the last good snapshot, and a fresh isolate serves the one bundled at build.
 */
import {
  type Clock,
  type ConfigPointer,
  CURRENT_CONFIG_KEY,
  configKey,
  parsePointer,
  parseSnapshot,
  type Snapshot,
} from "../../../routing/index.ts";

/** How long a snapshot is served without looking at KV again, ms (design.md §2). */
const FRESH_MS = 10_000;

/** How long a fresh isolate waits for KV before it serves the bundled snapshot, ms. */
const FIRST_LOAD_MS = 2_000;

/** Where the served snapshot came from, and how the last look at KV went. */
export interface ServedConfig {
  readonly snapshot: Snapshot;
  readonly source: "kv" | "bundled";
  readonly pointer?: ConfigPointer;
  /** Last time KV confirmed this version, epoch ms; `undefined`: never. */
  readonly confirmedAtMs?: number;
  /** Why the last look at KV did not bring a snapshot; `undefined`: it did. */
  readonly problem?: ConfigProblem;
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
  let looking: Promise<ServedConfig> | undefined;
  let hasLooked = false;

  async function look(): Promise<ServedConfig> {
    const found = await readCurrent(kv, served);
    served = typeof found === "string" ? { ...served, problem: found } : { ...found, confirmedAtMs: clock.nowMs() };
    hasLooked = true;
    return served;
  }

  function refresh(): Promise<ServedConfig> {
    lookedAtMs = clock.nowMs();
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  return {
    current(background) {
      if (clock.nowMs() - lookedAtMs >= FRESH_MS) background(refresh());
      if (hasLooked || looking === undefined) return served;
      return Promise.race([looking, clock.sleep(FIRST_LOAD_MS).then(() => served)]);
    },
  };
}

/** Pointer, then document; the document only when the version is a new one. A problem leaves what is served alone. */
async function readCurrent(kv: ConfigReader, served: ServedConfig): Promise<ServedConfig | ConfigProblem> {
  try {
    const pointerText = await kv.get(CURRENT_CONFIG_KEY);
    if (pointerText === null) return "nothing_pushed";
    const pointer = parsePointer(pointerText);
    if (!pointer.ok) return "pointer_garbled";
    if (pointer.value.version === served.snapshot.version) {
      return { snapshot: served.snapshot, source: "kv", pointer: pointer.value };
    }
    const text = await kv.get(configKey(pointer.value.version));
    if (text === null) return "document_missing";
    const snapshot = parseSnapshot(text);
    if (!snapshot.ok || snapshot.value.version !== pointer.value.version) return "document_garbled";
    return { snapshot: snapshot.value, source: "kv", pointer: pointer.value };
  } catch {
    return "kv_unreachable";
  }
}
