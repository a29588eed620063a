/** The shipped configuration over simulators that are faster than the real thing, with attempts enough for a storm. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile, type Snapshot } from "../../../routing/authoring.ts";
import { ROOT } from "../../local/wrangler.ts";

/** Where catalog.local.yml expects the simulators. */
const LOCAL_SIMULATOR = "http://127.0.0.1:9100";

/** How much faster than the real thing, where nobody says. */
export const USUALLY_FASTER = 20;

/** Compiles it. */
export async function stormSnapshot(simulatorUrl: string, faster = USUALLY_FASTER): Promise<Snapshot> {
  const text = (file: string) => readFileSync(join(ROOT, "routing", file), "utf8");
  const catalog = text("catalog.local.yml")
    .replaceAll(LOCAL_SIMULATOR, simulatorUrl)
    .replace(/(p50|p95): ([\d.]+)(ms|s)/g, (_, name, number, unit) => {
      return `${name}: ${(Number(number) * (unit === "s" ? 1_000 : 1)) / faster}ms`;
    });
  const routing = text("model-routing.yml").replace(
    "quality-render:\n    mode: job\n    deadline: 10m\n    attempts: 4",
    "quality-render:\n    mode: job\n    deadline: 10m\n    attempts: 8\n    accept_second_bill: true",
  );
  const compiled = await compile({
    routing: { file: "model-routing.yml", text: routing },
    catalog: { file: "catalog.local.yml", text: catalog },
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return compiled.snapshot;
}
