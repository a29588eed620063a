/** A person's push: a compiled snapshot, put in force from this machine. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Pushed, type PutInForce, putInForce, type Snapshot, toSnapshotJson } from "../../routing/authoring.ts";
import type { ConfigStore } from "./config-store.ts";

export type { Pushed } from "../../routing/authoring.ts";

export interface Push extends Omit<PutInForce, "version" | "document"> {
  readonly snapshot: Snapshot;
}

/** Pushes. Throws `StoreFault` when the store cannot be read. */
export function pushSnapshot(
  store: ConfigStore,
  { snapshot, ...push }: Push,
  wait: (ms: number) => Promise<unknown> = sleep,
): Promise<Pushed> {
  const { version } = snapshot;
  const mark = randomBytes(4).toString("hex");
  return putInForce(store, { ...push, version, document: toSnapshotJson(snapshot) }, { mark, wait });
}
