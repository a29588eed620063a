/** The overhead bench's figures as a table: medians over rounds with their range, and the ratio of CPU round by round. */

export interface Cell {
  readonly size: string;
  readonly concurrency: number;
  readonly target: "router" | "bare";
  readonly round: number;
  readonly cpuSecondsPerThousand: number;
  /** Ascending. */
  readonly latenciesMs: readonly number[];
}

/** The whole report as text. */
export function renderReport(
  cells: readonly Cell[],
  facts: { readonly gzipBytes: number; readonly cores: number; readonly node: string },
): string {
  const keys = [...new Set(cells.map(({ size, concurrency }) => `${size}|${concurrency}`))];
  const rows = keys.map((key) => {
    const [size = "", concurrency = ""] = key.split("|");
    const of = (target: Cell["target"]) =>
      cells.filter((cell) => cell.size === size && String(cell.concurrency) === concurrency && cell.target === target);
    const [router, bare] = [of("router"), of("bare")];
    const ratios = router.map(
      (cell, at) => cell.cpuSecondsPerThousand / (bare[at]?.cpuSecondsPerThousand ?? Number.NaN),
    );
    const latency = (side: readonly Cell[], share: number) =>
      median(side.map(({ latenciesMs }) => quantile(latenciesMs, share)));
    return [
      size.padEnd(7),
      concurrency.padStart(2),
      cpu(bare),
      cpu(router),
      `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`,
      `${ms(latency(bare, 0.5))} / ${ms(latency(bare, 0.99))}`,
      `${ms(latency(router, 0.5))} / ${ms(latency(router, 0.99))}`,
      `+${ms(latency(router, 0.5) - latency(bare, 0.5))}`,
    ].join(" | ");
  });
  return [
    "size    | c  | bare CPU s/1,000 | router CPU s/1,000 | ratio, median (range) | bare p50/p99 ms | router p50/p99 ms | added p50 ms",
    ...rows,
    `bundle ${(facts.gzipBytes / 1024).toFixed(1)} KiB gzipped; ${facts.cores} cores; node ${facts.node}`,
  ].join("\n");
}

const cpu = (cells: readonly Cell[]): string =>
  median(cells.map(({ cpuSecondsPerThousand }) => cpuSecondsPerThousand)).toFixed(3);
const ms = (value: number): string => value.toFixed(2);
const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
const quantile = (ascending: readonly number[], share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
