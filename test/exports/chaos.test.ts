/** A small storm: the whole local runtime dies under exports and starts again on the same state. `npm run chaos:exports` makes larger ones. */
import { expect, it } from "vitest";
import { runStorm } from "../../infra/chaos/exports/storm.ts";
import { stormSnapshot } from "../../infra/chaos/exports/storm-snapshot.ts";

it("loses nothing and makes nothing twice when the runtime is killed under exports", { timeout: 180_000 }, async () => {
  const report = await runStorm({
    ...{ kills: 3, exports: 6, seed: 5, bucketFaults: 0.05, webhookFaults: 0.2, gpuKills: 0.3, gpuFaults: 0 },
    ...{ snapshotAt: stormSnapshot, log: () => undefined },
  });
  expect(report).toMatchObject({
    done: 6,
    failed: {},
    lost: [],
    doubleJobs: 0,
    doublePictures: [],
    orphans: [],
    webhooksWrong: [],
    eventGaps: [],
  });
});
