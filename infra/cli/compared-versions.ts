/** What `config diff` and `config replay` begin with: the files as a snapshot, and the version that they would go over. */
import type { Snapshot } from "../../routing/authoring.ts";
import { checkedSnapshot } from "./checked-snapshot.ts";
import { progress } from "./progress.ts";
import {
  baseVersion,
  type Place,
  placeOf,
  readInForce,
  readVersion,
  type StoreOptions,
  withStore,
} from "./store-options.ts";

export interface ComparedVersions {
  readonly place: Place;
  /** `undefined`: nothing is in force yet. */
  readonly before: Snapshot | undefined;
  readonly after: Snapshot;
}

/** Checks the files first; `ending` says what did not happen where they have problems. */
export async function comparedVersions(
  files: readonly string[],
  options: StoreOptions,
  ending: string,
): Promise<ComparedVersions> {
  const place = placeOf(options);
  const { snapshot } = await checkedSnapshot(files, place, ending);
  const before = await progress(`Reading what is in force in the ${place} KV`, () =>
    withStore(options, async (store) => {
      const version = baseVersion(await readInForce(store));
      return version === undefined ? undefined : await readVersion(store, version);
    }),
  );
  return { place, before, after: snapshot };
}
