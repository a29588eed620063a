/**
 * What is remembered of each sticky unit, so that one unlucky session cannot pass for a bad model.
 *
 * Two guards. A unit counts one bad event a metric and window, and leaves the risk set until the window has passed. And a unit that failed before
 * is expected to fail again: its trials weigh (1 + bad) / (1 + trials × rate), the mean of its own rate after what it showed, where
 * units' rates are taken to spread as widely as their mean (gamma with shape 1). Held in memory and bounded; a forgotten unit is a new unit.
 */
import { METRICS, type Metric } from "./spec.ts";

interface UnitRow {
  seenAtMs: number;
  /** By metric, in the order of `METRICS`. */
  readonly trials: number[];
  readonly bad: number[];
  /** When the last counted bad event was, epoch ms; 0: never. */
  readonly countedAtMs: number[];
}

/** Rows in order of last use, oldest first. */
export interface UnitTable {
  readonly rows: Map<number, UnitRow>;
}

export interface UnitTrial {
  readonly unit: number;
  readonly metric: Metric;
  readonly bad: boolean;
  readonly atMs: number;
  /** Rate of the metric over both arms, 0…1. */
  readonly rate: number;
}

export interface UnitLimits {
  readonly windowMs: number;
  readonly maxUnits: number;
}

/** Rows move to the young end at most this often, ms: the order needs no better. */
const TOUCH_MS = 60_000;

export function createUnitTable(): UnitTable {
  return { rows: new Map() };
}

/** Records a trial of a unit: its weight, or `undefined` while the unit is out of the risk set. */
export function recordUnitTrial(table: UnitTable, trial: UnitTrial, limits: UnitLimits): number | undefined {
  const row = rowOf(table, trial, limits);
  const at = METRICS.indexOf(trial.metric);
  const countedAtMs = row.countedAtMs[at]!;
  if (countedAtMs !== 0 && trial.atMs - countedAtMs < limits.windowMs) return undefined;
  const weight = (1 + row.bad[at]!) / (1 + row.trials[at]! * trial.rate);
  row.trials[at]! += 1;
  if (trial.bad) {
    row.bad[at]! += 1;
    row.countedAtMs[at] = trial.atMs;
  }
  return weight;
}

/** The table as JSON rows: key, seen, then trials, bad and counted by metric. */
export function packUnits(table: UnitTable): readonly (readonly number[])[] {
  return [...table.rows].map(([unit, row]) => [unit, row.seenAtMs, ...row.trials, ...row.bad, ...row.countedAtMs]);
}

/** The table of `packUnits`. */
export function unpackUnits(packed: readonly (readonly number[])[]): UnitTable {
  const width = METRICS.length;
  const part = (row: readonly number[], at: number) => row.slice(2 + at * width, 2 + (at + 1) * width);
  const toRow = (row: readonly number[]): UnitRow => ({
    seenAtMs: row[1]!,
    trials: part(row, 0),
    bad: part(row, 1),
    countedAtMs: part(row, 2),
  });
  return { rows: new Map(packed.map((row) => [row[0]!, toRow(row)])) };
}

function rowOf(table: UnitTable, { unit, atMs }: UnitTrial, limits: UnitLimits): UnitRow {
  const { rows } = table;
  const known = rows.get(unit);
  if (known !== undefined) {
    if (atMs - known.seenAtMs >= TOUCH_MS) {
      known.seenAtMs = atMs;
      rows.delete(unit);
      rows.set(unit, known);
    }
    return known;
  }
  if (rows.size >= limits.maxUnits) {
    for (const oldest of rows.keys()) {
      rows.delete(oldest);
      break;
    }
  }
  const zeros = () => METRICS.map(() => 0);
  const row: UnitRow = { seenAtMs: atMs, trials: zeros(), bad: zeros(), countedAtMs: zeros() };
  rows.set(unit, row);
  return row;
}
