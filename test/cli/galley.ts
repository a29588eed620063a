/** Runs the real command line as a person would, and gives what it printed. */
import { spawn } from "node:child_process";
import { join } from "node:path";

/** The repository root. */
export const ROOT = join(import.meta.dirname, "../..");

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function galley(...args: readonly string[]): Promise<Ran> {
  return run(process.execPath, [join(ROOT, "infra/cli/galley.ts"), ...args]);
}

/** Any command, from the repository root. */
export async function run(command: string, args: readonly string[]): Promise<Ran> {
  const child = spawn(command, args, { cwd: ROOT });
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
    });
  }
  const exitCode = await new Promise<number | null>((done, fail) => {
    child.once("error", fail);
    child.once("close", done);
  });
  return { exitCode, ...printed };
}
