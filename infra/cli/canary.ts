/** `galley canary`: give a new model part of the traffic, see how it does, end it. The router decides by itself; a person has the last word. */
import { userInfo } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { parseShare } from "./push-stage.ts";
import { addRouterOptions, callRouter, type RouterOptions } from "./router-api.ts";
import { showCanaries, showCanary } from "./show-canary.ts";
import { listIn } from "./status-fields.ts";

interface CommandOptions extends RouterOptions {
  readonly message?: string;
  readonly author?: string;
  readonly json?: boolean;
}

interface StartOptions extends CommandOptions {
  readonly at?: number;
  readonly observe?: boolean;
  readonly minRequests?: number;
  readonly minHours?: number;
  readonly warmup?: number;
  readonly shadow?: number;
  readonly shadowGpu?: number;
}

const EXAMPLES = `
Examples:
  npx galley canary start sd35-next                     the canary of that name in the routing file, at the first step of its ramp
  npx galley canary start sd35-next --at 30% --observe  at 30 %, writing down what it would decide and doing nothing
  npx galley canary start sd35-next --at 0 --shadow 5%  nobody is served by it yet: a twentieth of the previews is copied to it
  npx galley canary status                              all of them; with a name: evidence, arms, decisions
  npx galley canary promote config-4f0c81aa02b7d613     a staged push is one too: everybody's from now on; \`abort\` takes it back
  npx galley canary pause sd35-next                     hold the share; \`resume\` goes on
  npx galley canary promote sd35-next -m "sharper"      give it everything; then make it the route's model and push
  npx galley canary abort sd35-next                     back to the route's model

Against a deployed router: --url (or GALLEY_URL), and a key with the scope operate in GALLEY_KEY.
Exit codes: 0 done, 1 your input, 2 the router does not answer.`;

/** What the plain commands do, in the order of an experiment. */
const STEERING = [
  ["pause", "hold the canary's share; only the way back stays open"],
  ["resume", "let it decide again after a pause or a freeze"],
  ["widen", "go to the ramp's next step now (for canaries that only observe)"],
  ["promote", "give the candidate all of the route's traffic"],
  ["abort", "end it: the route's own model serves"],
] as const;

/** Adds the group. */
export function addCanary(program: Command): void {
  const canary = program
    .command("canary")
    .description("new models on part of the traffic")
    .addHelpText("after", EXAMPLES);
  const start = canary
    .command("start")
    .description("start the canary that the routing file in force has under this name")
    .argument("<name>")
    .option(
      "--at <share>",
      "begin with this share, like 30%, and go on with the larger ones of the ramp; 0: shadows alone",
      parseStart,
    )
    .option("--observe", "decide and write down, but change nothing")
    .option("--min-requests <count>", "canary requests a step, instead of the routing file's", parseCount)
    .option("--min-hours <hours>", "hours a step, instead of the routing file's", parseCount)
    .option("--warmup <seconds>", "seconds that do not count, instead of ten minutes", parseCount)
    .option(
      "--shadow <share>",
      "copy this share of the previews to the candidate and throw the answers away",
      parseShadow,
    )
    .option("--shadow-gpu <seconds>", "GPU seconds that the copies may take a day, instead of an hour", parseCount);
  addCommon(start).action((name: string, options: StartOptions) =>
    tell(name, "start", options, {
      ...(options.at === undefined ? {} : { at: options.at }),
      ...(options.observe ? { mode: "observe" } : {}),
      ...(options.minRequests === undefined ? {} : { min_requests: options.minRequests }),
      ...(options.minHours === undefined ? {} : { min_hours: options.minHours }),
      ...(options.warmup === undefined ? {} : { warmup_ms: Math.round(options.warmup * 1_000) }),
      ...(options.shadow === undefined ? {} : { shadow: options.shadow }),
      ...(options.shadowGpu === undefined ? {} : { shadow_gpu_ms: Math.round(options.shadowGpu * 1_000) }),
    }),
  );
  const status = canary
    .command("status")
    .description("how they stand; with a name: evidence, arms and decisions")
    .argument("[name]")
    .option("--json", "the document as it comes");
  addRouterOptions(status).addHelpText("after", EXAMPLES).action(show);
  for (const [word, description] of STEERING) {
    const command = canary.command(word).description(description).argument("<name>");
    addCommon(command).action((name: string, options: CommandOptions) => tell(name, word, options));
  }
}

function addCommon(command: Command): Command {
  return addRouterOptions(command)
    .option("-m, --message <text>", "why; stands in the decision log")
    .option("--author <name>", "who; by default the user of this machine")
    .option("--json", "the document as it comes")
    .addHelpText("after", EXAMPLES);
}

async function show(name: string | undefined, options: RouterOptions & { readonly json?: boolean }): Promise<void> {
  const path = name === undefined ? "/v1/canaries" : pathOf(name);
  const document = await callRouter(options, { path });
  if (options.json) console.log(JSON.stringify(document, null, 2));
  else console.log(name === undefined ? showCanaries(listIn(document, "canaries")) : showCanary(document));
}

async function tell(name: string, command: string, options: CommandOptions, more: object = {}): Promise<void> {
  const body = {
    command,
    person: options.author ?? userInfo().username,
    ...(options.message === undefined ? {} : { note: options.message }),
    ...more,
  };
  const document = await callRouter(options, { path: pathOf(name), method: "POST", body });
  if (options.json) return console.log(JSON.stringify(document, null, 2));
  console.log(showCanary(document));
  if (command === "promote") {
    console.log(
      "\nThe candidate serves the whole route. Make it the route's model in the routing file, take the canary out, and push.",
    );
  }
}

const pathOf = (name: string): string => `/v1/canaries/${encodeURIComponent(name)}`;

/** A share, or 0: nobody is served. */
const parseStart = (text: string): number => (/^0+(?:\.0+)?\s*%?$/.test(text) ? 0 : parseShare(text));

/** A share, none or all. */
const parseShadow = (text: string): number => (/^(?:100\s*%|1)$/.test(text) ? 1 : parseStart(text));

function parseCount(text: string): number {
  const count = Number(text);
  if (text.trim() !== "" && Number.isFinite(count) && count >= 0) return count;
  throw new InvalidArgumentError("Give a number, 0 or more.");
}
