/** A KV namespace lists its keys page by page. */

/** One page, as the platform's namespace gives it. */
export interface KeyPage<Key> {
  readonly keys: readonly Key[];
  readonly list_complete: boolean;
  readonly cursor?: string;
}

/** All keys of a prefix, in order. Rejects as `page` does. */
export async function listKeys<Key>(
  prefix: string,
  page: (options: { prefix: string; cursor?: string }) => Promise<KeyPage<Key>>,
): Promise<readonly Key[]> {
  const keys: Key[] = [];
  let cursor: string | undefined;
  do {
    const found = await page({ prefix, ...(cursor === undefined ? {} : { cursor }) });
    keys.push(...found.keys);
    cursor = found.list_complete ? undefined : found.cursor;
  } while (cursor !== undefined);
  return keys;
}
