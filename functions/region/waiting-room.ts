/**
 * Promises by name: somebody waits for what somebody else will say. Whichever comes first is kept for the other.
 *
 * State: the object's memory. Bounded: nobody waits longer than he says, and of answers that nobody fetched only the newest are kept.
 */

/** Most answers kept for waiters that have not come yet. */
const MAX_UNFETCHED = 1_000;

export interface WaitingRoom<Answer> {
  /** Resolves with the answer, now if it is there already; with `undefined` when there will be none or `withinMs` is over. */
  wait(name: string, withinMs: number): Promise<Answer | undefined>;
  /** Answers whoever waits, or will. */
  settle(name: string, answer: Answer): void;
  /** There will be no answer. */
  close(name: string): void;
}

/** Calls `ring` once after `ms`; the returned function takes it back. */
export type StartTimer = (ms: number, ring: () => void) => () => void;

/** An empty room. */
export function createWaitingRoom<Answer>(startTimer: StartTimer): WaitingRoom<Answer> {
  const waiting = new Map<string, (answer: Answer | undefined) => void>();
  const unfetched = new Map<string, Answer>();

  const end = (name: string, answer: Answer | undefined): boolean => {
    const resolve = waiting.get(name);
    waiting.delete(name);
    resolve?.(answer);
    return resolve !== undefined;
  };

  return {
    wait(name, withinMs) {
      const answer = unfetched.get(name);
      if (answer !== undefined) {
        unfetched.delete(name);
        return Promise.resolve(answer);
      }
      end(name, undefined);
      return new Promise((resolve) => {
        const giveUp = () => {
          waiting.delete(name);
          resolve(undefined);
        };
        const stopTimer = startTimer(Math.max(0, withinMs), giveUp);
        waiting.set(name, (given) => {
          stopTimer();
          resolve(given);
        });
      });
    },
    settle(name, answer) {
      if (end(name, answer)) return;
      unfetched.set(name, answer);
      const oldest = unfetched.keys().next().value;
      if (unfetched.size > MAX_UNFETCHED && oldest !== undefined) unfetched.delete(oldest);
    },
    close(name) {
      unfetched.delete(name);
      end(name, undefined);
    },
  };
}
