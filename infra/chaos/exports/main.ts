/**
 * `npm run chaos:exports`: kills the local runtime again and again under exports and reports what was lost or made twice. Exit code 1 when
 * anything was. Run `npm run build` first.
 */
import { Command } from "commander";
import { wrongs } from "./report.ts";
import { runStorm, type StormOptions } from "./storm.ts";
import { stormSnapshot, USUALLY_FASTER } from "./storm-snapshot.ts";

interface ChaosOptions extends Omit<StormOptions, "snapshotAt" | "log"> {
  readonly faster: number;
}

const program = new Command("npm run chaos:exports --")
  .description("Kill -9 the whole local runtime under exports, restart it on the same state, and count.")
  .option("--kills <n>", "kills", Number, 200)
  .option("--exports <n>", "exports", Number, 300)
  .option("--seed <n>", "seed of the storm's chance", Number, 1)
  .option(
    "--bucket-faults <share>",
    "calls to the object store that fail, lose their answer, lag or break off",
    Number,
    0.03,
  )
  .option("--webhook-faults <share>", "webhook calls that are refused, cut off or kept waiting", Number, 0.2)
  .option("--gpu-kills <share>", "kills beside which the GPUs go away too", Number, 0.1)
  .option("--gpu-faults <share>", "renders that the GPUs spoil", Number, 0)
  .option("--faster <times>", "speed of the GPUs; 1 is that of real ones", Number, USUALLY_FASTER)
  .action(async (options: ChaosOptions) => {
    const startedAtMs = Date.now();
    const report = await runStorm({
      ...options,
      snapshotAt: (url) => stormSnapshot(url, options.faster),
      log: console.log,
    });
    console.log(JSON.stringify({ ...report, seconds: Math.round((Date.now() - startedAtMs) / 1000) }, null, 2));
    const wrong = wrongs(report);
    console.log(wrong === 0 ? "0 lost, 0 double, 0 left behind, every job ended" : `${wrong} wrong`);
    process.exitCode = wrong === 0 ? 0 : 1;
  });

await program.parseAsync();
