/** The process that the storm kills: the built Worker with its state in a folder. Prints where it serves, then serves until it dies. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSnapshot, type Snapshot } from "../../../routing/authoring.ts";
import { startRouter } from "../../local/runtime.ts";

const [stateDir = "", snapshotFile = "", bucketFaults = "0", seed = "1"] = process.argv.slice(2);
const parsed = parseSnapshot(readFileSync(snapshotFile, "utf8"));
if (!parsed.ok) throw new Error(`${snapshotFile} is not a snapshot`);
const snapshot: Snapshot = parsed.value;
const { url, bucketUrl, stop } = await startRouter({
  ...{ stateDir, snapshot, variables: { GALLEY_MAX_OPEN_EXPORTS: "10000" } },
  bucket: {
    script: readFileSync(join(import.meta.dirname, "faulty-bucket.js"), "utf8"),
    entrypoint: "FaultyBucket",
    variables: { SHARE: bucketFaults, SEED: seed },
  },
});
console.log(JSON.stringify({ url, bucketUrl }));
// The storm itself was ended: nothing is left behind.
process.once("disconnect", () => void stop().then(() => process.exit(0)));
