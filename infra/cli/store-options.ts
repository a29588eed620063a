/** Which store a command works on: the options for it, opening it, and what is in force there. */
import { resolve } from "node:path";
import type { Command } from "commander";
import {
  type ConfigPointer,
  CURRENT_CONFIG_KEY,
  configKey,
  parsePointer,
  parseSnapshot,
  type Snapshot,
} from "../../routing/authoring.ts";
import { STATE_DIR } from "../local/wrangler.ts";
import { CommandFailure } from "./command-failure.ts";
import { type ConfigStore, openConfigStore } from "./config-store.ts";
import { StoreFault } from "./store-fault.ts";
import { storeFailure } from "./store-words.ts";

export interface StoreOptions {
  readonly local?: boolean;
  readonly remote?: boolean;
  readonly persistTo: string;
}

/** `local` or `remote`. */
export type Place = "local" | "remote";

/** Adds `--local`, `--remote` and `--persist-to`. */
export function addStoreOptions(command: Command): Command {
  return command
    .option("--local", "the KV on this machine, which `npm start` uses (the default)")
    .option("--remote", "Cloudflare's KV, which the deployed router uses")
    .option("--persist-to <folder>", "where the KV on this machine is", STATE_DIR);
}

/** The store that the options mean. */
export function placeOf({ local, remote }: StoreOptions): Place {
  if (!(local && remote)) return remote ? "remote" : "local";
  throw new CommandFailure(1, {
    what: "--local and --remote cannot both be meant",
    why: "a command works on one store",
    todo: "choose one; --local is the default",
    command: "npx galley config push --remote",
  });
}

/** Opens the store, does the work and closes it; a store that cannot be reached becomes words. */
export async function withStore<Value>(
  options: StoreOptions,
  work: (store: ConfigStore, place: Place) => Promise<Value>,
): Promise<Value> {
  const place = placeOf(options);
  try {
    const store = await openConfigStore(place === "remote" ? { place } : { place, folder: resolve(options.persistTo) });
    try {
      return await work(store, place);
    } finally {
      await store.close();
    }
  } catch (error: unknown) {
    if (!(error instanceof StoreFault)) throw error;
    throw storeFailure(place, { what: "The KV could not be read; nothing was changed.", reason: error.message });
  }
}

/** What the pointer says now. */
export interface InForce {
  /** As it is stored, to notice that somebody else pushed; `undefined`: nothing was pushed yet. */
  readonly text: string | undefined;
  /** `undefined` also where the text is garbage. */
  readonly pointer: ConfigPointer | undefined;
}

/** Reads the pointer. */
export async function readInForce(store: ConfigStore): Promise<InForce> {
  const text = await store.get(CURRENT_CONFIG_KEY);
  const pointer = text === undefined ? undefined : parsePointer(text);
  return { text, pointer: pointer?.ok ? pointer.value : undefined };
}

/** The version that serves everybody, or the rest while a newer one serves a part: what the next push goes over. */
export function baseVersion({ pointer }: InForce): string | undefined {
  return pointer?.rollout === undefined ? pointer?.version : pointer.previous;
}

/** When the next push happens, epoch ms: after what is in force, whatever this machine's clock says, because routers go by it. */
export function nextPushAtMs({ pointer }: InForce, nowMs: number): number {
  // Two, because the rest of a staged push counts as one earlier.
  return Math.max(nowMs, (pointer?.pushedAtMs ?? 0) + 2);
}

/** Reads a version's document; `undefined` where there is none, or garbage. */
export async function readVersion(store: ConfigStore, version: string): Promise<Snapshot | undefined> {
  const text = await store.get(configKey(version));
  const parsed = text === undefined ? undefined : parseSnapshot(text);
  return parsed?.ok ? parsed.value : undefined;
}
