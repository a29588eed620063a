/**
 * `npm run gpu`: one simulated GPU worker at the root of a port, a local stand-in for the case study's inference container.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { FAULTS } from "./faults.ts";
import { type Simulator, startSimulator } from "./server.ts";
import { type SingleOptions, singleEndpoint } from "./single.ts";

interface Flags extends Omit<SingleOptions, "model"> {
  readonly model?: string;
  readonly port: number;
  readonly host?: string;
  readonly seed: number;
  readonly timeScale: number;
  readonly quiet: boolean;
}

const number =
  (low: number, high: number, whole: boolean) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
      throw new InvalidArgumentError(`expected a ${whole ? "whole " : ""}number from ${low} to ${high}`);
    }
    return value;
  };

const EXAMPLES = `
This is a simulator: no model runs here. It draws pictures by rule, takes as long over them as a GPU would, queues like one,
and fails on demand. Every picture carries a small mark that says so.

Examples
  npm run gpu -- --model SD3.5_Medium --port 8080      or: MODEL=SD3.5_Medium npm run gpu
  ab -n 500 -c 8 http://localhost:8080/generate
  curl -o fox.png -H 'accept: image/*' -H 'content-type: application/json' \\
       -d '{"prompt":"a fox in the snow, headline \\"HELLO\\"","seed":7,"width":1024,"height":768}' http://localhost:8080/generate

Also there: GET /health, /v1/models, /metrics.

Prompts that contain these words are answered in the protocol's own way:
  [refuse] blocked prompt   [filter] picture withheld or blurred   [quota] quota used up   [rate] too many requests   [error] crash

Faults, while it runs (target: an endpoint's id, a region, or *):
  curl http://localhost:8080/_control/state
  curl -X PUT  http://localhost:8080/_control/faults/* -d '{"kind":"slow","factor":8,"share":0.2}'
  curl -X PUT  http://localhost:8080/_control/faults/* -d '{"kind":"429","retryAfterS":3,"count":5}'
  curl -X DELETE http://localhost:8080/_control/faults
  Kinds:
${Object.entries(FAULTS)
  .map(([kind, what]) => `    ${kind.padEnd(21)} ${what}`)
  .join("\n")}
`;

const program: Command = new Command("npm run gpu --")
  .description("A simulated GPU worker for image generation.")
  .addOption(
    new Option("--model <name>", "model that it plays: SD3.5_Medium, nano-banana, nano-banana-pro, V_2A_TURBO, …")
      .env("MODEL")
      .default("SD3.5_Medium"),
  )
  .addOption(
    new Option("--port <port>")
      .env("PORT")
      .default(8080)
      .argParser(number(0, 65_535, true)),
  )
  .option("--host <address>", "address to listen on (default: loopback, IPv4 and IPv6)")
  .addOption(
    new Option("--dialect <name>", "protocol that it speaks")
      .choices(["generate", "openai-images", "gemini", "ideogram", "stability"])
      .default("generate"),
  )
  .addOption(
    new Option("--flavor <name>", "server that it plays within openai-images").choices([
      "vllm-omni",
      "sglang",
      "openai",
    ]),
  )
  .option("--slots <n>", "pictures in work at the same time (default: 4)", number(1, 1024, true))
  .option("--queue-cap <n>", "most requests waiting; more get 429 (default: no bound)", number(0, 1e6, true))
  .option("--straggler-share <share>", "share of pictures that take 10 to 20 s longer", number(0, 1, false))
  .option("--seed <n>", "seed of everything random", number(0, 2 ** 31 - 1, true), 1)
  .option("--time-scale <factor>", "multiplies every simulated time", number(0.001, 1000, false), 1)
  .option("--quiet", "no line a request", false)
  .addHelpText("after", EXAMPLES);

const flags = program.parse().opts<Flags>();
const endpoint = singleEndpoint({ ...flags, model: flags.model ?? "" });
if (!endpoint)
  program.error(
    `error: no simulated model "${flags.model}"; try SD3.5_Medium, nano-banana, nano-banana-pro, V_2A_TURBO or upscaler`,
  );

const simulator = await startSimulator({
  port: flags.port,
  hosts: flags.host === undefined ? ["127.0.0.1", "::1"] : [flags.host],
  endpoints: [endpoint],
  atRoot: true,
  seed: flags.seed,
  timeScale: flags.timeScale,
  ...(!flags.quiet && { log: (line: string) => console.log(line) }),
}).catch(explain);

console.log(`Simulated ${endpoint.servedName} (no model runs here): ${simulator.url}/generate`);
console.log("Ctrl-C stops it; --help shows how to make it fail.");
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void simulator.close().then(() => process.exit(0)));
}

function explain(error: unknown): Simulator {
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
    program.error(`error: port ${flags.port} is taken; choose another one with --port`);
  }
  throw error;
}
