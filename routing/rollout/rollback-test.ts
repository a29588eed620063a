/**
 * Is the canary surely worse? An e-process against "its rate of bad events is not above the baseline's".
 *
 * Valid however often one looks, and at any ramp, because each block brings its own share. E ≥ 1/α happens with chance at most α in
 * the whole life of the experiment where the canary is no worse. A candidate that was good for days and then turns bad must not hide behind
 * its past, so fresh processes are begun on the way and all are weighted together: one long test, without the long memory.
 */
import { type BlockCounts, blockLogRatio, logMeanExp, logWeightedSumExp } from "./likelihood.ts";

/** Rate ratios that the test looks for (control.md §6). */
export const ROLLBACK_RATIOS = [1.25, 1.5, 2, 3, 5, 10] as const;

/**
 * Weight of the first process; later ones share the rest as 1/k(k+1). 0.8 costs the first ln(1/0.8) = 0.22, one or two bad events,
 * and leaves the second a tenth: e.g. tens of events in place of hundreds after a long good time.
 */
const FIRST_WEIGHT = 0.8;

/** Most processes at a time: one a day for seven weeks, and the steps of a ramp. */
export const MAX_ROLLBACK_STARTS = 64;

/** JSON state: log-likelihood ratios, one row a process, one column a ratio. */
export interface RollbackTest {
  readonly logs: number[][];
}

const weightOf = (start: number): number => (start === 0 ? FIRST_WEIGHT : (1 - FIRST_WEIGHT) / (start * (start + 1)));

const freshRow = (): number[] => ROLLBACK_RATIOS.map(() => 0);

/** A test with one process. */
export function createRollbackTest(): RollbackTest {
  return { logs: [freshRow()] };
}

/** Begins a fresh process beside the running ones; nothing happens beyond `MAX_ROLLBACK_STARTS`. */
export function startRollbackProcess(test: RollbackTest): void {
  if (test.logs.length < MAX_ROLLBACK_STARTS) test.logs.push(freshRow());
}

/** Records one block into every process. */
export function recordRollbackBlock(test: RollbackTest, block: BlockCounts): void {
  if (block.canaryBad + block.baselineBad === 0) return;
  const gains = ROLLBACK_RATIOS.map((ratio) => blockLogRatio(block, ratio, 1));
  for (const row of test.logs) {
    gains.forEach((gain, at) => {
      row[at] = row[at]! + gain;
    });
  }
}

/** log E. Weight that is not yet given to a process counts as 1, so that the sum stays an e-process. */
export function rollbackLogE(test: RollbackTest): number {
  const terms = test.logs.map((row, start) => ({ log: logMeanExp(row), weight: weightOf(start) }));
  const given = terms.reduce((sum, term) => sum + term.weight, 0);
  return logWeightedSumExp([...terms, { log: 0, weight: Math.max(1 - given, Number.EPSILON) }]);
}
