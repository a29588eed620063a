import { describe, expect, it } from "vitest";
import { type Cell, renderReport, WAYS } from "../../infra/bench/memory/report.ts";

describe("the memory bench's report", () => {
  it("gives medians with their range, and CPU beside the naive way's", () => {
    const cells: Cell[] = [1, 2, 3].flatMap((round) =>
      WAYS.map((way) => ({
        scenario: "one",
        way,
        peakOverIdleBytes: (way === "naive" ? 1000e6 : 50e6) + round * 1e6,
        cpuSecondsPerGb: (way === "naive" ? 10 : 4) + round / 10,
        firstByteMs: [round, round + 1, 100],
      })),
    );
    const rows = renderReport(cells, { cores: 2, node: "v24" }).split("\n");
    expect(rows).toHaveLength(WAYS.length + 2);
    const columns = (way: string) =>
      rows
        .find((row) => row.includes(`| ${way}`))
        ?.split("|")
        .map((text) => text.trim());
    expect(columns("naive")).toEqual([
      "one",
      "naive",
      "1002 (1001–1003)",
      "10.20 (10.10–10.30)",
      "1.00",
      "3.0 (2.0–4.0)",
    ]);
    expect(columns("router")).toEqual(["one", "router", "52 (51–53)", "4.20 (4.10–4.30)", "0.41", "3.0 (2.0–4.0)"]);
  });
});
