/**
 * Carries out what was decided about a staged push: the pointer goes on to everybody, or back to the former version.
 *
 * By the same protocol as a person's push, so that neither overtakes the other. Only while the pointer is still the one that was judged: whoever
 * pushed meanwhile has the last word. Doing it again changes nothing.
 */
import { CURRENT_CONFIG_KEY, listKeys, type PushStore, parsePointer, putInForce } from "../../routing/index.ts";

/** What is to be done, as it is written down beside the decision. */
export interface PointerMove {
  readonly to: "former" | "newer";
  /** Snapshot versions. */
  readonly baseline: string;
  readonly candidate: string;
  /** Of the push that was judged, epoch ms. */
  readonly pushedAtMs: number;
  /** Why, for the history. */
  readonly message: string;
  readonly author: string;
}

export interface MovePorts {
  readonly store: PushStore;
  readonly nowMs: number;
  /** Random hex. */
  readonly mark: string;
  wait(ms: number): Promise<unknown>;
}

/** `again`: the store failed, or somebody is pushing right now. Rejects when the store cannot be read. */
export async function movePointer(move: PointerMove, ports: MovePorts): Promise<"moved" | "overtaken" | "again"> {
  const { store, nowMs, mark, wait } = ports;
  const { to, baseline, candidate, pushedAtMs, message, author } = move;
  const seen = await store.get(CURRENT_CONFIG_KEY);
  const pointer = seen === undefined ? undefined : parsePointer(seen);
  const isJudged = pointer?.ok && pointer.value.version === candidate && pointer.value.pushedAtMs === pushedAtMs;
  if (!isJudged) return "overtaken";
  const [version, previous] = to === "former" ? [baseline, candidate] : [candidate, baseline];
  // Two, because the rest of a staged push counts as one earlier.
  const atMs = Math.max(nowMs, pushedAtMs + 2);
  const pushed = await putInForce(
    store,
    { version, previous, message, author, seen, pushedAtMs: atMs },
    { mark, wait },
  );
  if (pushed.ok) return "moved";
  return pushed.failed === "overtaken" ? "overtaken" : "again";
}

/** The platform's namespace as a push needs it. */
export function toPushStore(kv: KVNamespace): PushStore {
  const writing = (work: Promise<void>): Promise<string | undefined> =>
    work.then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  return {
    get: async (key) => (await kv.get(key)) ?? undefined,
    list: (prefix) => listKeys(prefix, (options) => kv.list(options)),
    put: (key, value, { metadata, ttlSeconds } = {}) =>
      writing(
        kv.put(key, value, {
          ...(metadata === undefined ? {} : { metadata }),
          ...(ttlSeconds === undefined ? {} : { expirationTtl: ttlSeconds }),
        }),
      ),
    remove: (key) => writing(kv.delete(key)),
  };
}
