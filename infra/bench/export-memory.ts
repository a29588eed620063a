/**
 * `npm run bench:export-memory`: workerd's peak memory over idle while exports of large pictures run at once.
 *
 * Pictures come out of JSON (Gemini's shape) from the memory bench's upstream, go to the object store and are read back. The local object
 * store lives in the same workerd; on the deployed network it is elsewhere. So a control moves the same bytes through it in the same way
 * (parts, read, read and put) with nothing of ours around it, and what is left of the difference is ours. Linux only.
 */
import { fork } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { compile, type Snapshot } from "../../routing/authoring.ts";
import { type Router, type RouterOptions, startRouter } from "../local/runtime.ts";
import type { Sending } from "./memory/upstream.ts";
import { noisePng } from "./noise-png.ts";
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
async function exportAll(url: string, { exports: count, bytes }: Load, { picture }: Sending): Promise<void> {
  const { width, height } = noisePng(bytes);
  await Promise.all(
    Array.from({ length: count }, async () => {
      const body = JSON.stringify({ prompt: "bench", purpose: "preview", width, height, format: "png" });
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

interface Load {
  readonly exports: number;
  /** Of a picture. */
  readonly bytes: number;
}

/** What one run needs: some small work first, then the load that is measured. */
interface Run {
  readonly options: RouterOptions;
  work(router: Router, load: Load): Promise<void>;
}

const WARM_UP: Load = { exports: 4, bytes: 100_000 };

/** Peak over idle, MB, and seconds. */
async function peakOf({ options, work }: Run, load: Load): Promise<{ readonly mb: number; readonly seconds: number }> {
  const stateDir = await mkdtemp(join(tmpdir(), "galley-export-memory-"));
  const before = new Set(childrenNamed(process.pid, "workerd"));
  const router = await startRouter({ ...options, stateDir });
  try {
    const workerd = childrenNamed(process.pid, "workerd").find((pid) => !before.has(pid));
    if (workerd === undefined) throw new Error("workerd is not among the child processes");
    await work(router, WARM_UP);
    forgetPeak(workerd);
    const idleBytes = residentBytes(workerd).now;
    const startedAtMs = Date.now();
    await work(router, load);
    return { mb: (residentBytes(workerd).peak - idleBytes) / 1e6, seconds: (Date.now() - startedAtMs) / 1e3 };
  } finally {
    await router.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

async function measure({ megabytes, exports }: Options): Promise<void> {
  const upstream = fork(join(MEMORY_BENCH, "upstream.ts"));
  const message = <Message>() => new Promise<Message>((resolve) => upstream.once("message", resolve));
  const upstreamUrl = `http://127.0.0.1:${await message<number>()}`;
  const prepare = async (bytes: number): Promise<Sending> => {
    const sending = message<Sending>();
    upstream.send(bytes);
    return sending;
  };
  const load: Load = { exports, bytes: megabytes * 1e6 };
  try {
    const whole = await peakOf(
      {
        options: { snapshot: await snapshotFor(upstreamUrl) },
        work: async ({ url }, one) => exportAll(url, one, await prepare(one.bytes)),
      },
      load,
    );
    const script = await readFile(join(import.meta.dirname, "store-control.js"), "utf8");
    const control = await peakOf(
      {
        options: { bucket: { script, entrypoint: "Unused", variables: {} } },
        work: async ({ bucketUrl }, one) => {
          const calls = Array.from({ length: one.exports }, (_, index) =>
            fetch(`${bucketUrl}/?name=${index}&bytes=${one.bytes}`).then((response) => response.text()),
          );
          await Promise.all(calls);
        },
      },
      load,
    );
    const what = `${exports} of ${megabytes} MB`;
    console.log(`exports, ${what}: peak ${whole.mb.toFixed(0)} MB over idle, ${whole.seconds.toFixed(1)} s`);
    console.log(`the same bytes through the store alone: ${control.mb.toFixed(0)} MB, ${control.seconds.toFixed(1)} s`);
    console.log(`ours: ${(whole.mb - control.mb).toFixed(0)} MB; ratio ${(whole.mb / control.mb).toFixed(2)}`);
  } finally {
    upstream.disconnect();
  }
}

const program = new Command("npm run bench:export-memory --")
  .description("Peak memory of workerd over idle while exports of large pictures run at once. Run npm run build first.")
  .option("--megabytes <n>", "size of a picture", Number, 25)
  .option("--exports <n>", "how many at once", Number, 8)
  .action(measure);

await program.parseAsync();
