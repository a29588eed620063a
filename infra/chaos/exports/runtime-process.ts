/**
 * The local runtime as a process group that can be killed as a whole, workerd included, and started again on the same state.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const CHILD = join(import.meta.dirname, "child.ts");

/** How long a start may take, ms; a loaded machine takes seconds. */
const START_LIMIT_MS = 60_000;

export interface RuntimeProcess {
  /** Where it serves; changes with every start, `undefined` while it is down. */
  url(): string | undefined;
  /** Every key in the object store. */
  keys(): Promise<readonly string[]>;
  /** `bucketFaults`: share of the calls to the object store that go wrong, 0…1. */
  start(bucketFaults: number): Promise<void>;
  /** SIGKILL to the whole group; resolves when it is gone. */
  kill(): Promise<void>;
}

/** A runtime over the state in `stateDir`. */
export function createRuntimeProcess(stateDir: string, snapshotFile: string): RuntimeProcess {
  let child: ChildProcess | undefined;
  let url: string | undefined;
  let bucketUrl: string | undefined;
  let starts = 0;
  return {
    url: () => url,
    async keys() {
      return (await (await fetch(bucketUrl ?? "")).json()) as string[];
    },
    async start(bucketFaults) {
      starts += 1;
      const options = [stateDir, snapshotFile, String(bucketFaults), String(starts)];
      const started = spawn(process.execPath, [CHILD, ...options], {
        detached: true,
        stdio: ["ignore", "pipe", "inherit", "ipc"],
      });
      child = started;
      ({ url, bucketUrl } = JSON.parse(await firstLine(started)) as { url: string; bucketUrl: string });
    },
    async kill() {
      const victim = child;
      [child, url] = [undefined, undefined];
      if (victim?.pid === undefined || victim.exitCode !== null) return;
      const gone = new Promise((resolve) => victim.once("exit", resolve));
      process.kill(-victim.pid, "SIGKILL");
      await gone;
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("The runtime did not start in time")), START_LIMIT_MS);
    child.once("exit", (code) => reject(new Error(`The runtime ended while it started (exit ${code})`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).once("line", (line) => {
      clearTimeout(timer);
      child.removeAllListeners("exit");
      resolve(line);
    });
  });
}
