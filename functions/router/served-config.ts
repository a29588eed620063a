/** The isolate's one configuration store, over the snapshot bundled at build: requests and Durable Objects serve by the same. */
import bundled from "galley-bundled-snapshot";
import type { Snapshot } from "../../routing/index.ts";
import { platformClock } from "./adapters/clock.ts";
import { type ConfigStore, createConfigStore } from "./adapters/config-store.ts";
import type { Env } from "./environment.ts";

let store: ConfigStore | undefined;

/** The store; made on the first call. */
export function configStoreOf(env: Env): ConfigStore {
  store ??= createConfigStore({ kv: env.CONFIG, bundled: bundled as Snapshot, clock: platformClock });
  return store;
}
