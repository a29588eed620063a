/** The reports of many runs as one table, and the breaches with the command that shows each again. */
import { toTable } from "../canary/table.ts";
import type { RunReport } from "./run.ts";

/** Runs are shown in bands of this many seeds. */
const BANDS = 10;

/** The whole report as text. */
export function renderRuns(
  reports: readonly RunReport[],
  facts: { readonly seconds: number; readonly repeats: boolean; readonly requests: number },
): string {
  const size = Math.max(1, Math.ceil(reports.length / BANDS));
  const bands = Array.from({ length: Math.ceil(reports.length / size) }, (_, at) =>
    reports.slice(at * size, (at + 1) * size),
  );
  const broken = reports.filter(({ breaches }) => breaches.length > 0);
  const codes = Object.entries(sumOf(reports.map(({ failures }) => failures))).sort((a, b) => b[1] - a[1]);
  const counters = Object.entries(sumOf(reports.map((report) => report.counters))).sort();
  return [
    toTable(HEAD, [...bands.map(rowOf), rowOf(reports)]),
    `ended without a picture: ${codes.map(([code, count]) => `${code} ${count}`).join(", ") || "none"}`,
    `schedulers: ${counters.map(([name, count]) => `${name} ${count}`).join(", ")}`,
    ...broken.flatMap(({ seed, breaches }) => [
      `seed ${seed}: npm run simulate:faults -- --seeds 1 --first-seed ${seed} --requests ${facts.requests}`,
      ...breaches.map((words) => `  ${words}`),
    ]),
    facts.repeats ? "" : "The first seed's second run differs from its first.",
    `${broken.length === 0 && facts.repeats ? "All promises kept" : "A promise is BROKEN"} in ${reports.length} runs of ${facts.requests} requests; ${facts.seconds.toFixed(0)} s.`,
    "",
  ]
    .filter((line, at, lines) => line !== "" || at === lines.length - 1)
    .join("\n");
}

const HEAD = [
  "seeds",
  "requests",
  "pictures",
  "degraded",
  "attempts/request",
  "extras",
  "p50 / p95 / p99 ms",
  "faults",
  "restarts & jumps",
  "breaches",
];

function rowOf(reports: readonly RunReport[]): readonly string[] {
  const total = (of: (report: RunReport) => number): number => reports.reduce((sum, report) => sum + of(report), 0);
  const requests = total((report) => report.requests);
  const percent = (count: number) => `${((100 * count) / requests).toFixed(1)} %`;
  const latencies = reports.flatMap(({ latenciesMs }) => [...latenciesMs]).sort((a, b) => a - b);
  const quantile = (q: number) => String(Math.round(latencies[Math.floor(q * (latencies.length - 1))] ?? 0));
  return [
    `${reports[0]?.seed}–${reports.at(-1)?.seed}`,
    String(requests),
    percent(total(({ pictures }) => pictures)),
    percent(total(({ degraded }) => degraded)),
    (total(({ attempts }) => attempts) / requests).toFixed(2),
    percent(total(({ extras }) => extras)),
    [0.5, 0.95, 0.99].map(quantile).join(" / "),
    String(total(({ spells }) => spells)),
    String(total(({ disturbances }) => disturbances)),
    String(total(({ breaches }) => breaches.length)),
  ];
}

function sumOf(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const record of records)
    for (const [name, count] of Object.entries(record)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
