/** The process that the storm kills: the built Worker with its state in a folder. Prints its URL, then serves until it dies. */
import { readFileSync } from "node:fs";
import { parseSnapshot, type Snapshot } from "../../../routing/authoring.ts";
import { startRouter } from "../../local/runtime.ts";

const [stateDir = "", snapshotFile = ""] = process.argv.slice(2);
const parsed = parseSnapshot(readFileSync(snapshotFile, "utf8"));
if (!parsed.ok) throw new Error(`${snapshotFile} is not a snapshot`);
const snapshot: Snapshot = parsed.value;
const router = await startRouter({ stateDir, snapshot, variables: { GALLEY_MAX_OPEN_EXPORTS: "10000" } });
console.log(router.url);
// The storm itself was ended: nothing is left behind.
process.once("disconnect", () => void router.stop().then(() => process.exit(0)));
