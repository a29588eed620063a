/** The Worker's entry: builds the app once an isolate, over the snapshot bundled at build. */
import bundled from "galley-bundled-snapshot";
import type { Snapshot } from "../../routing/index.ts";
import { platformClock } from "./adapters/clock.ts";
import { type ConfigStore, createConfigStore } from "./adapters/config-store.ts";
import { createApp } from "./app.ts";
import type { Env } from "./environment.ts";

let store: ConfigStore | undefined;

const app = createApp({
  configStore(env) {
    store ??= createConfigStore({ kv: env.CONFIG, bundled: bundled as Snapshot, clock: platformClock });
    return store;
  },
});

export { RegionScheduler } from "../region/region-scheduler.ts";

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
