/**
 * What happened, in order, for one reader that awaits it.
 */
export interface Inbox<Happening> {
  post(happening: Happening): void;
  /** The oldest that was not read yet; waits for one. Only one reader may wait. */
  next(): Promise<Happening>;
}

/** An empty inbox. */
export function createInbox<Happening>(): Inbox<Happening> {
  const unread: Happening[] = [];
  let deliver: ((happening: Happening) => void) | undefined;
  return {
    post(happening) {
      if (deliver === undefined) {
        unread.push(happening);
        return;
      }
      const handOver = deliver;
      deliver = undefined;
      handOver(happening);
    },
    next() {
      const [first] = unread.splice(0, 1);
      if (first !== undefined) return Promise.resolve(first);
      return new Promise((resolve) => {
        deliver = resolve;
      });
    },
  };
}
