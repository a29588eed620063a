/**
 * `npm run bench:export-memory`: workerd's peak memory over idle while exports of large pictures run at once.
 *
 * Pictures come out of JSON (Gemini's shape) from the memory bench's upstream, go to the object store and are read back. The local object
 * store lives in the same workerd, so its buffers are in the number; on the deployed network they are elsewhere. Linux only.
 */
import { fork } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { compile, type Snapshot } from "../../routing/authoring.ts";
import { startRouter } from "../local/runtime.ts";
import type { Sending } from "./memory/upstream.ts";
import { childrenNamed, forgetPeak, residentBytes } from "./process-usage.ts";

interface Options {
  readonly megabytes: number;
  readonly exports: number;
}

const MEMORY_BENCH = join(import.meta.dirname, "memory");

async function snapshotFor(upstreamUrl: string): Promise<Snapshot> {
  const text = (file: string) => readFile(join(MEMORY_BENCH, file), "utf8");
  const compiled = await compile({
    routing: { file: "routing.yml", text: await text("routing.yml") },
    catalog: {
      file: "catalog.yml",
      text: (await text("catalog.yml")).replaceAll("http://127.0.0.1:1", upstreamUrl),
    },
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return compiled.snapshot;
}

/** Submits, waits for all, and throws unless every picture is the one that was sent. */
async function exportAll(url: string, count: number, { picture }: Sending): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const body = JSON.stringify({ prompt: "bench", purpose: "preview", width: 1024, height: 1024 });
      const headers = { "content-type": "application/json" };
      const { id } = (await (await fetch(`${url}/v1/exports`, { method: "POST", headers, body })).json()) as {
        id: string;
      };
      for (;;) {
        const shown = (await (await fetch(`${url}/v1/exports/${id}`)).json()) as Shown;
        if (shown.done && shown.response?.sha256 === picture.sha256) return;
        if (shown.done) throw new Error(`An export failed: ${JSON.stringify(shown.error ?? shown.response)}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }),
  );
}

interface Shown {
  readonly done: boolean;
  readonly response?: { readonly sha256: string };
  readonly error?: unknown;
}

async function measure({ megabytes, exports }: Options): Promise<void> {
  const upstream = fork(join(MEMORY_BENCH, "upstream.ts"));
  const message = <Message>() => new Promise<Message>((resolve) => upstream.once("message", resolve));
  const upstreamUrl = `http://127.0.0.1:${await message<number>()}`;
  const stateDir = await mkdtemp(join(tmpdir(), "galley-export-memory-"));
  const router = await startRouter({ snapshot: await snapshotFor(upstreamUrl), stateDir });
  const prepare = async (bytes: number): Promise<Sending> => {
    const sending = message<Sending>();
    upstream.send(bytes);
    return sending;
  };
  try {
    const workerd = childrenNamed(process.pid, "workerd")[0];
    if (workerd === undefined) throw new Error("workerd is not among the child processes");
    await exportAll(router.url, 4, await prepare(100_000));
    const sending = await prepare(megabytes * 1e6);
    forgetPeak(workerd);
    const idleBytes = residentBytes(workerd).now;
    const startedAtMs = Date.now();
    await exportAll(router.url, exports, sending);
    const peakMb = (residentBytes(workerd).peak - idleBytes) / 1e6;
    const seconds = (Date.now() - startedAtMs) / 1e3;
    console.log(
      `${exports} exports of ${megabytes} MB: peak ${peakMb.toFixed(0)} MB over idle, ${seconds.toFixed(1)} s`,
    );
  } finally {
    await router.stop();
    upstream.disconnect();
    await rm(stateDir, { recursive: true, force: true });
  }
}

const program = new Command("npm run bench:export-memory --")
  .description("Peak memory of workerd over idle while exports of large pictures run at once. Run npm run build first.")
  .option("--megabytes <n>", "size of a picture", Number, 25)
  .option("--exports <n>", "how many at once", Number, 8)
  .action(measure);

await program.parseAsync();
