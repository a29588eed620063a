import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { start } from "./start.ts";

const MAIN = join(import.meta.dirname, "../../infra/gpu/simulator/main.ts");

/** Starts `npm run gpu`'s program; its output so far is in `text`. */
function gpu(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { process: ChildProcess; text(): string } {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  return { process: child, text: () => chunks.join("") };
}

async function urlOf({ text }: { text(): string }): Promise<string> {
  for (;;) {
    const url = /http:\/\/[\d.]+:\d+\/\S*generate\b/.exec(text())?.[0];
    if (url) return url;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("the gpu command", () => {
  it("plays the model named in the environment at the root of the port, and ends on a signal", async () => {
    const run = gpu(["--port", "0", "--time-scale", "0.001"], { MODEL: "SD3.5_Medium" });
    const url = await urlOf(run);
    const answer = await (await fetch(url)).json();
    expect(answer.model_version).toBe("sd3.5-medium@b940f670f0ed");
    expect(run.text()).toContain("no model runs here");
    run.process.kill("SIGINT");
    expect((await once(run.process, "exit"))[0]).toBe(0);
  });

  it("answers at localhost whatever that means", async () => {
    const url = await urlOf(gpu(["--port", "0", "--time-scale", "0.001"]));
    const { port } = new URL(url);
    expect((await fetch(`http://localhost:${port}/health`)).status).toBe(200);
  });

  it("plays a whole catalogue, each endpoint under its own path", async () => {
    const catalog = join(import.meta.dirname, "../../routing/catalog.local.yml");
    const run = gpu(["--catalog", catalog, "--port", "0", "--time-scale", "0.001"]);
    const { origin } = new URL(await urlOf(run));
    const answer = await (await fetch(`${origin}/weur-sd35-a/v1/models`)).json();
    expect(answer.data[0].id).toBe("sd3.5-medium@b940f670f0ed");
  });

  it("says plainly what is wrong with a model, a number or a taken port", async () => {
    const { port } = await start();
    for (const [args, message] of [
      [["--model", "GPT-4"], 'no simulated model "GPT-4"'],
      [["--slots", "many"], "whole number"],
      [["--catalog", "nowhere.yml"], "nowhere.yml"],
      [["--port", String(port)], `port ${port} is taken`],
    ] as const) {
      const run = gpu(args);
      expect((await once(run.process, "close"))[0]).toBe(1);
      expect(run.text()).toContain(message);
    }
  });

  it("explains faults and trigger words in its help", async () => {
    const run = gpu(["--help"]);
    await once(run.process, "close");
    for (const word of ["simulator", "ab -n 500 -c 8", "[refuse]", "slow-drip", "_control/faults"])
      expect(run.text()).toContain(word);
  });
});
