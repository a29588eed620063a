/** Tables for the terminal: columns as wide as their widest cell, no colours, one line a row. */
import Table from "cli-table3";

/** Rules between rows take more room than they help. */
const NO_RULES = { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" };

/** A table with a head line; `align` from the left, `left` where it is short. */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  align: readonly ("left" | "right")[] = [],
): string {
  const table = new Table({
    head: [...head],
    chars: NO_RULES,
    style: { head: [], border: [] },
    colAligns: head.map((_, at) => align[at] ?? "left"),
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
