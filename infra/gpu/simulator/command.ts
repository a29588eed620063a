/** The command line of the simulator: its options, their limits, its help. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { ColdStart, Flavor, SimulatedDialect } from "./endpoint.ts";
import { FAULTS } from "./faults.ts";
import type { Stragglers } from "./service-time.ts";

/** What the command line says, parsed and within its limits. */
export interface Flags {
  readonly model: string;
  readonly catalog?: string;
  readonly routing?: string;
  readonly port?: number;
  readonly host?: string;
  readonly dialect: SimulatedDialect;
  readonly flavor?: Flavor;
  readonly slots?: number;
  readonly queueCap?: number;
  readonly stragglerShare?: number;
  readonly coldStart?: number;
  readonly seed: number;
  readonly timeScale: number;
  readonly quiet: boolean;
}

const HELP = `
This is a simulator: no model runs here. It draws pictures by rule, takes as long over them as a GPU would, queues like one,
and fails on demand. Every picture it draws carries a small mark that says so.

Examples
  npm run gpu -- --model SD3.5_Medium --port 8080      or: MODEL=SD3.5_Medium npm run gpu
  ab -n 500 -c 8 http://localhost:8080/generate
  curl -o fox.png -H 'accept: image/*' -H 'content-type: application/json' \\
       -d '{"prompt":"a fox in the snow, headline \\"HELLO\\"","seed":7,"width":1024,"height":768}' http://localhost:8080/generate
  npm run gpu -- --catalog routing/catalog.local.yml   every endpoint of a catalogue, each under its own path

Also there: GET /health, /v1/models, /metrics.

Prompts that contain these words are answered in the protocol's own way:
  [refuse] blocked prompt   [filter] picture withheld or blurred   [quota] quota used up   [rate] too many requests   [error] crash

Faults, while it runs (target: an endpoint's id, a region, or *):
  curl http://localhost:8080/_control/state
  curl -X PUT http://localhost:8080/_control/faults/* -d '{"kind":"slow","factor":8,"share":0.2}'
  curl -X PUT http://localhost:8080/_control/faults/* -d '{"kind":"429","retryAfterS":3,"count":5}'
  curl -X DELETE http://localhost:8080/_control/faults
  Kinds:
${Object.entries(FAULTS)
  .map(([kind, what]) => `    ${kind.padEnd(21)} ${what}`)
  .join("\n")}
`;

/** How long real endpoints sleep before they are shut down, ms, and how much their start-ups differ (control.md §8). */
const IDLE_MS = 120_000;
const START_SIGMA = 0.4;

/** The program: `command.parse().opts<Flags>()`. */
export const command: Command = new Command("npm run gpu --")
  .description("Simulated GPU workers for image generation.")
  .addOption(
    new Option("--model <name>", "model that it plays: SD3.5_Medium, nano-banana, nano-banana-pro, V_2A_TURBO, …")
      .env("MODEL")
      .default("SD3.5_Medium"),
  )
  .option("--catalog <file>", "play every endpoint of this catalogue instead of one model")
  .option("--routing <file>", "routing file that goes with the catalogue (default: routing/model-routing.yml)")
  .addOption(
    new Option("--port <port>", "port to listen on (default: 8080; with --catalog the catalogue's)")
      .env("PORT")
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
  .option("--cold-start <seconds>", "median start-up time after two idle minutes", number(0, 3600, false))
  .option("--seed <n>", "seed of everything random", number(0, 2 ** 31 - 1, true), 1)
  .option("--time-scale <factor>", "multiplies every simulated time", number(0.001, 1000, false), 1)
  .option("--quiet", "no line a request", false)
  .addHelpText("after", HELP);

/** Stragglers and cold starts that the flags ask for. */
export function troubleOfFlags(flags: Flags): { readonly stragglers?: Stragglers; readonly coldStart?: ColdStart } {
  const { stragglerShare, coldStart } = flags;
  return {
    ...(stragglerShare && { stragglers: { share: stragglerShare, extraMs: [10_000, 20_000] } }),
    ...(coldStart && { coldStart: { idleMs: IDLE_MS, medianMs: coldStart * 1000, sigma: START_SIGMA } }),
  };
}

function number(low: number, high: number, whole: boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
      throw new InvalidArgumentError(`expected a ${whole ? "whole " : ""}number from ${low} to ${high}`);
    }
    return value;
  };
}
