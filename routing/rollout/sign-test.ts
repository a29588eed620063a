/**
 * Paired comparison: the same request through both models; is the candidate surely the worse one of a pair more often than not?
 *
 * An e-process over signs: ties say nothing, and a pair that differs is the rollback test's question at a share of one half.
 */
import { createRollbackTest, type RollbackTest, recordRollbackBlock, rollbackLogE } from "./rollback-test.ts";

/** JSON state, mutable. */
export interface SignTest {
  worse: number;
  better: number;
  ties: number;
  readonly test: RollbackTest;
}

export function createSignTest(): SignTest {
  return { worse: 0, better: 0, ties: 0, test: createRollbackTest() };
}

/** Records one pair: `difference` > 0 means that the candidate did worse. */
export function recordPair(sign: SignTest, difference: number): void {
  if (difference === 0) {
    sign.ties += 1;
    return;
  }
  const worse = difference > 0;
  if (worse) sign.worse += 1;
  else sign.better += 1;
  recordRollbackBlock(sign.test, { canaryBad: worse ? 1 : 0, baselineBad: worse ? 0 : 1, share: 0.5 });
}

/** log E against "the candidate is worse in at most half of the pairs that differ". */
export function signLogE(sign: SignTest): number {
  return rollbackLogE(sign.test);
}
