/**
 * `npm run chaos:exports`: kills the local runtime again and again under exports and reports what was lost or made twice. Exit code 1 when
 * anything was. Run `npm run build` first.
 */
import { Command } from "commander";
import { runStorm } from "./storm.ts";
import { stormSnapshot } from "./storm-snapshot.ts";

interface ChaosOptions {
  readonly kills: number;
  readonly exports: number;
  readonly seed: number;
}

const program = new Command("npm run chaos:exports --")
  .description("Kill -9 the whole local runtime under exports, restart it on the same state, and count.")
  .option("--kills <n>", "kills", Number, 200)
  .option("--exports <n>", "exports", Number, 300)
  .option("--seed <n>", "seed of the storm's chance", Number, 1)
  .action(async ({ kills, exports, seed }: ChaosOptions) => {
    const startedAtMs = Date.now();
    const report = await runStorm({ kills, exports, seed, snapshotAt: stormSnapshot, log: console.log });
    console.log(JSON.stringify({ ...report, seconds: Math.round((Date.now() - startedAtMs) / 1000) }, null, 2));
    const { lost, doubleJobs, doublePictures, webhooksWrong, eventGaps } = report;
    const wrong = lost.length + doubleJobs + doublePictures.length + webhooksWrong.length + eventGaps.length;
    console.log(wrong === 0 ? "0 lost, 0 double, every job ended" : `${wrong} wrong`);
    process.exitCode = wrong === 0 ? 0 : 1;
  });

await program.parseAsync();
