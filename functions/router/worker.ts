/** The Worker's entry: the app, built once an isolate, and the classes of its Durable Objects. */
import { createApp } from "./app.ts";
import type { Env } from "./environment.ts";
import { configStoreOf } from "./served-config.ts";

export { ExportIndex } from "../exports/export-index.ts";
export { ExportJob } from "../exports/export-job.ts";
export { RegionScheduler } from "../region/region-scheduler.ts";
export { Rollout } from "../rollout/rollout.ts";

const app = createApp({ configStore: configStoreOf });

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
