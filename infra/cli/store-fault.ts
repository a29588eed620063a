/** The store could not be read or opened; the message is its own words. Thrown by stores, turned into words by the commands. */
export class StoreFault extends Error {}

/** Any error in the store's own words. */
export function storeWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
