/** A canary's document as a person reads it. */
import { plainTable } from "./plain-table.ts";
import { blockIn, listIn, numberIn, textIn } from "./status-fields.ts";

/** All of them, one a line. */
export function showCanaries(canaries: readonly unknown[]): string {
  if (canaries.length === 0)
    return "The configuration in force has no canary. The section `canaries` of the routing file makes one.";
  const rows = canaries.map((one) => [
    ...["name", "route", "candidate", "phase"].map((name) => textIn(one, name) ?? ""),
    percent(numberIn(one, "share")),
    textIn(one, "mode") ?? "",
    textIn(one, "waits_for") ?? "",
  ]);
  return plainTable(["canary", "route", "candidate", "phase", "share", "mode", "waits for"], rows);
}

/** One with its evidence. */
export function showCanary(document: unknown): string {
  const text = (name: string) => textIn(document, name) ?? "";
  const head = `${text("name")}: ${text("candidate")} for ${text("route")}, ${text("phase")} at ${percent(numberIn(document, "share"))}`;
  const ramp = listIn(document, "ramp").map((share) => percent(typeof share === "number" ? share : undefined));
  const lines = [head, `ramp ${ramp.join(" → ")}, mode ${text("mode")}`];
  if (text("phase") === "not-started")
    return [...lines, `start it with: npx galley canary start ${text("name")}`].join("\n");
  const evidence = blockIn(document, "evidence");
  const unproven = listIn(document, "unproven").filter((metric) => typeof metric === "string");
  return [
    ...lines,
    ...(text("waits_for") === ""
      ? []
      : [`waits: ${text("waits_for")}${unproven.length > 0 ? `; to be shown: ${unproven.join(", ")}` : ""}`]),
    `evidence that it is worse: ${figure(numberIn(evidence, "worse"))}, rolled back at ${figure(numberIn(evidence, "needed"))}`,
    "",
    metricsTable(document),
    armsTable(document),
    ...shadowLines(document),
    "decisions",
    ...listIn(document, "log").map((entry) => `  ${textIn(entry, "at") ?? ""}  ${textIn(entry, "says") ?? ""}`),
  ].join("\n");
}

/** What the copies say, where previews are copied. */
function shadowLines(document: unknown): string[] {
  const shadow = blockIn(document, "shadow");
  if ((numberIn(shadow, "share") ?? 0) === 0) return [];
  const worse = (name: string) => {
    const counts = blockIn(shadow, name);
    return `${name} ${numberIn(counts, "worse") ?? 0} to ${numberIn(counts, "better") ?? 0}`;
  };
  const ratio = blockIn(shadow, "latency_ratio");
  const [estimate, low, high] = ["estimate", "low", "high"].map((name) => figure(numberIn(ratio, name)));
  const latency =
    ratio === undefined
      ? "still unknown (30 pairs at least)"
      : `${estimate} of the baseline's (${low} to ${high}, 95 %)`;
  return [
    `shadows of ${percent(numberIn(shadow, "share"))} of the previews: ${numberIn(shadow, "pairs") ?? 0} pairs, ${numberIn(shadow, "gave_way") ?? 0} gave way, ` +
      `${figure(numberIn(shadow, "gpu_s"))} of ${figure(numberIn(shadow, "gpu_cap_s"))} GPU seconds today`,
    `  candidate against baseline: ${worse("failures")}, ${worse("checks")}; time ${latency}`,
    "",
  ];
}

function metricsTable(document: unknown): string {
  const head = ["bad events", "baseline", "canary", "ratio", "worse", "within margin"];
  const rows = listIn(document, "metrics").map((metric) => {
    const side = (name: string) => {
      const tally = blockIn(metric, name);
      return `${numberIn(tally, "bad") ?? 0} of ${numberIn(tally, "trials") ?? 0}`;
    };
    return [
      textIn(metric, "name") ?? "",
      side("baseline"),
      side("canary"),
      figure(numberIn(metric, "ratio")),
      figure(numberIn(metric, "worse")),
      `${figure(numberIn(metric, "within_margin"))} of ${figure(numberIn(metric, "within_margin_needed"))}`,
    ];
  });
  return plainTable(head, rows);
}

function armsTable(document: unknown): string {
  const rows = (["baseline", "canary"] as const).map((name) => {
    const arm = blockIn(blockIn(document, "arms"), name);
    const excluded = Object.entries(blockIn(arm, "excluded") ?? {}).map(([why, count]) => `${count} ${why}`);
    const ms = (field: string) => {
      const value = numberIn(arm, field);
      return value === undefined ? "–" : `${Math.round(value)} ms`;
    };
    const cost = numberIn(arm, "cost_per_picture_usd");
    return [
      name,
      numberIn(arm, "requests") ?? 0,
      numberIn(arm, "delivered") ?? 0,
      ms("p50_ms"),
      ms("p95_ms"),
      cost === undefined ? "–" : `$${cost.toFixed(5)}`,
      excluded.join(", "),
    ];
  });
  return plainTable(["arm", "requests", "delivered", "p50", "p95", "a picture", "left out"], rows);
}

const figure = (value: number | undefined): string =>
  value === undefined ? "–" : value >= 1e6 ? value.toExponential(0) : `${Number(value.toPrecision(3))}`;

const percent = (share: number | undefined): string =>
  share === undefined ? "–" : `${Number((share * 100).toFixed(2))} %`;
