/** `npm run chaos:events`: cuts readers of exports' events off, and reports whether any missed one or got one twice. Exit code 1 when any did. */
import { Command } from "commander";
import { type CutsOptions, runCuts } from "./run.ts";

const program = new Command("npm run chaos:events --")
  .description("Cut readers of exports' events off at every place, over HTTP, and count. Run npm run build first.")
  .option("--resumes <n>", "times that a reader comes back", Number, 500)
  .option("--exports <n>", "exports that are followed", Number, 25)
  .option("--seed <n>", "seed of the cuts", Number, 1)
  .action(async (options: CutsOptions) => {
    const report = await runCuts(options);
    console.log(JSON.stringify(report, null, 2));
    console.log(report.wrong.length === 0 ? "no gap, no duplicate" : `${report.wrong.length} wrong`);
    process.exitCode = report.wrong.length === 0 ? 0 : 1;
  });

await program.parseAsync();
