/**
 * What a RegionScheduler writes down: its configuration, and now and then its state.
 *
 * Stored keys: `config:1` (the snapshot and when it was pushed), `checkpoint:1` (how many pieces) and `checkpoint:1:<n>` (JSON in pieces,
 * because one value may hold 2 MB). A checkpoint of another schema is not read: it holds only measurements and leases, and both end.
 */
import type { Checkpoint, PlaceId, Snapshot } from "../../routing/index.ts";

const CONFIG_KEY = "config:1";
const CHECKPOINT_KEY = "checkpoint:1";

/** Characters a piece; at two bytes each half of what one value may hold. */
const PIECE_CHARS = 512 * 1_024;

export interface StoredConfig {
  readonly place: PlaceId;
  readonly snapshot: Snapshot;
  /** When it was pushed, epoch ms; 0: never. */
  readonly pushedAtMs: number;
}

/** The calls of a Durable Object's storage that are needed; entries of one `put` are written together or not at all. */
export interface KeyValueStorage {
  get(key: string): Promise<unknown>;
  put(entries: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Writes the configuration down. */
export async function writeConfig(storage: KeyValueStorage, config: StoredConfig): Promise<void> {
  await storage.put({ [CONFIG_KEY]: JSON.stringify(config) });
}

/** Writes the state down. */
export async function writeCheckpoint(storage: KeyValueStorage, checkpoint: Checkpoint): Promise<void> {
  const text = JSON.stringify(checkpoint);
  const count = Math.ceil(text.length / PIECE_CHARS);
  const pieces = Array.from({ length: count }, (_, index) => [
    `${CHECKPOINT_KEY}:${index}`,
    text.slice(index * PIECE_CHARS, (index + 1) * PIECE_CHARS),
  ]);
  await storage.put({ ...Object.fromEntries(pieces), [CHECKPOINT_KEY]: count });
}

/** The configuration that was in force last; `undefined` before the first. */
export async function readConfig(storage: KeyValueStorage): Promise<StoredConfig | undefined> {
  const text = await storage.get(CONFIG_KEY);
  return typeof text === "string" ? (JSON.parse(text) as StoredConfig) : undefined;
}

/** The last checkpoint; `undefined` where there is none or it is not whole. */
export async function readCheckpoint(storage: KeyValueStorage): Promise<Checkpoint | undefined> {
  const count = await storage.get(CHECKPOINT_KEY);
  if (typeof count !== "number") return undefined;
  const pieces = await Promise.all(
    Array.from({ length: count }, (_, index) => storage.get(`${CHECKPOINT_KEY}:${index}`)),
  );
  if (!pieces.every((piece) => typeof piece === "string")) return undefined;
  return JSON.parse(pieces.join("")) as Checkpoint;
}
