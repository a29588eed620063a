/** The memory bench's figures as a table: medians over rounds with their range, and CPU beside the naive way's. */

/** In the order in which they are measured. `pass` is the floor, `naive` what is compared with. */
export const WAYS = ["pass", "naive", "router"] as const;

export type Way = (typeof WAYS)[number];

export interface Cell {
  readonly scenario: string;
  readonly way: Way;
  /** Peak of resident memory over what was used idle. */
  readonly peakOverIdleBytes: number;
  /** CPU seconds of workerd for each 10⁹ bytes of pictures. */
  readonly cpuSecondsPerGb: number;
  /** Ascending. */
  readonly firstByteMs: readonly number[];
}

/** The whole report as text. */
export function renderReport(cells: readonly Cell[], facts: { readonly cores: number; readonly node: string }): string {
  const scenarios = [...new Set(cells.map(({ scenario }) => scenario))];
  const rows = scenarios.flatMap((scenario) => {
    const of = (way: Way) => cells.filter((cell) => cell.scenario === scenario && cell.way === way);
    const naiveCpu = median(of("naive").map(cpu));
    return WAYS.map((way) => {
      const own = of(way);
      return [
        scenario.padEnd(22),
        way.padEnd(6),
        range(
          own.map(({ peakOverIdleBytes }) => peakOverIdleBytes / 1e6),
          0,
        ).padEnd(20),
        range(own.map(cpu), 2).padEnd(20),
        (median(own.map(cpu)) / naiveCpu).toFixed(2).padEnd(7),
        range(
          own.map(({ firstByteMs }) => median(firstByteMs)),
          1,
        ),
      ].join(" | ");
    });
  });
  return [
    "scenario               | way    | peak over idle, MB   | CPU s/GB             | × naive | first byte, ms",
    ...rows,
    `median (lowest–highest) of the rounds; ${facts.cores} cores; node ${facts.node}`,
  ].join("\n");
}

const cpu = ({ cpuSecondsPerGb }: Cell): number => cpuSecondsPerGb;

function range(values: readonly number[], digits: number): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

function median(values: readonly number[]): number {
  const ascending = values.toSorted((a, b) => a - b);
  return ascending[Math.floor(ascending.length / 2)] ?? Number.NaN;
}
