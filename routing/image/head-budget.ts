/**
 * How much may be held back by all requests of an isolate together: each is bounded by policy, but a hundred of them are not.
 *
 * State: the isolate. Fails open: when it is used up, pictures stream after their header was checked instead of being held whole.
 */

/** Held bytes in an isolate of 128 MB that also buffers what it sends (platform.md C.6: at most 20–30 MB buffered in all). */
export const ISOLATE_HEAD_BYTES = 16 * 1024 * 1024;

/** One holder's part of a budget. */
export interface HeadShare {
  /** Counts `bytes` more; false, and nothing counted, when the budget has no room for them. */
  take(bytes: number): boolean;
  /** Gives all of it back. May be called again. */
  giveBack(): void;
}

export interface HeadBudget {
  open(): HeadShare;
  /** Bytes counted now. */
  usedBytes(): number;
}

export function createHeadBudget(totalBytes: number): HeadBudget {
  let used = 0;
  return {
    usedBytes: () => used,
    open() {
      let share = 0;
      return {
        take(bytes) {
          if (used + bytes > totalBytes) return false;
          used += bytes;
          share += bytes;
          return true;
        },
        giveBack() {
          used -= share;
          share = 0;
        },
      };
    },
  };
}

/** The isolate's own. */
export const isolateHeadBudget: HeadBudget = createHeadBudget(ISOLATE_HEAD_BYTES);
