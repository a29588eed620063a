/**
 * Asks a store on this machine again that was busy: another process (`npm start`, a second push) writes to the same files for a moment.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** Waits between two tries, ms: less than two seconds in all, for what takes milliseconds. */
const WAITS_MS = [50, 100, 200, 400, 800] as const;

/** The local KV answers a locked file with a server error. */
const BUSY = /\b5\d\d\b|busy|locked/i;

/** What `work` comes to, tried again while the store is busy. `work` may be done twice. Rejects as its last try does. */
export async function whileBusy<Value>(
  work: () => Promise<Value>,
  wait: (ms: number) => Promise<unknown> = sleep,
): Promise<Value> {
  for (const waitMs of WAITS_MS) {
    try {
      return await work();
    } catch (error: unknown) {
      if (!(error instanceof Error) || !BUSY.test(error.message)) throw error;
      await wait(waitMs);
    }
  }
  return work();
}
