/** The status document as tables. What a router of another version does not say is a dash. */
import { styleText } from "node:util";
import { plainTable } from "./plain-table.ts";
import { blockIn, listIn, numberIn, textIn } from "./status-fields.ts";

/** States that need nobody. */
const WELL = new Set(["in", "closed", "ok"]);

/** The tables; coloured where `color`. */
export function showStatus(document: unknown, color: boolean): string {
  return [configLine(document), routesTable(document), endpointsTable(document, color)].join("\n");
}

/** Which configuration the router serves, since when and by whom. */
export function configLine(document: unknown): string {
  const config = blockIn(document, "config");
  const age = numberIn(config, "age_ms");
  const problem = textIn(config, "problem");
  const pushed = [textIn(config, "author"), textIn(config, "message")].filter(
    (word) => word !== undefined && word !== "",
  );
  return (
    `config ${textIn(config, "version") ?? "–"} from ${textIn(config, "source") ?? "–"}` +
    `${age === undefined ? "" : `, pushed ${spanWords(age)} ago`}${pushed.length === 0 ? "" : ` by ${pushed.join(": ")}`}` +
    `${problem === undefined ? "" : `  PROBLEM: ${problem}`}`
  );
}

function routesTable(document: unknown): string {
  const fields = ["name", "model", "policy"] as const;
  const rows = listIn(document, "routes").map((route) => fields.map((field) => textIn(route, field) ?? "–"));
  return plainTable(["route", "model", "policy"], rows);
}

function endpointsTable(document: unknown, color: boolean): string {
  const head = ["place", "endpoint", "model", "state", "in use", "p50", "p95", "tried 1m", "failed"];
  const rows = listIn(document, "places").flatMap((place) =>
    listIn(place, "endpoints").map((endpoint) => {
      const inUse = numberIn(endpoint, "in_use");
      return [
        textIn(place, "id") ?? "–",
        textIn(endpoint, "id") ?? "–",
        textIn(endpoint, "model") ?? "–",
        stateWords(endpoint, color),
        inUse === undefined ? "–" : `${inUse}/${numberIn(endpoint, "slots") ?? "–"}`,
        ms(numberIn(endpoint, "p50_ms")),
        ms(numberIn(endpoint, "p95_ms")),
        numberIn(endpoint, "attempts_last_minute") ?? "–",
        numberIn(endpoint, "failures_last_minute") ?? "–",
      ];
    }),
  );
  return plainTable(head, rows, ["left", "left", "left", "left", "right", "right", "right", "right", "right"]);
}

function stateWords(endpoint: unknown, color: boolean): string {
  const state = textIn(endpoint, "state") ?? "–";
  const reason = textIn(endpoint, "reason");
  const words = reason === undefined ? state : `${state} (${reason})`;
  if (!color || state === "–" || state === "unknown") return words;
  return styleText(WELL.has(state) ? "green" : "red", words);
}

const ms = (value: number | undefined): string => (value === undefined ? "–" : `${Math.round(value)} ms`);

/** `42 s`, `17 min`, `3 h`, `2 d`. */
function spanWords(spanMs: number): string {
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
  ] as const;
  const [size, unit] = units.find(([length]) => spanMs >= length) ?? [1_000, "s"];
  return `${Math.floor(spanMs / size)} ${unit}`;
}
