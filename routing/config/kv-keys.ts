/**
 * What is stored in KV, and under which keys.
 *
 * | key                          | value                        | written                                             |
 * | ---------------------------- | ---------------------------- | --------------------------------------------------- |
 * | `config/<version>`           | the snapshot, canonical JSON | once; never changed                                 |
 * | `config/log/<time>-<version>`| `ConfigPointer`, JSON        | once a push, before the pointer; the same as metadata |
 * | `config/current`             | `ConfigPointer`, JSON        | after the document that it points to                |
 * | `config/claim/<time>-<hex>`  | who is pushing               | while a push runs; ends by itself after a minute    |
 *
 * KV caches "not found" as well, hence the order: a pointer must never lead to a key that somebody has already missed.
 */
import type { Result } from "../failure/index.ts";
import { isVersion } from "./snapshot-json.ts";

/** Key of the pointer to the version in force. */
export const CURRENT_CONFIG_KEY = "config/current";

/** Under these keys stands the history of pushes, oldest first. */
export const CONFIG_LOG_PREFIX = "config/log/";

/** Under these keys stand pushes that are at work. */
export const CONFIG_CLAIM_PREFIX = "config/claim/";

/** Schema of the pointer's JSON. */
export const POINTER_SCHEMA = 1;

/** Which version is in force, since when, by whom and why. */
export interface ConfigPointer {
  readonly schema: typeof POINTER_SCHEMA;
  readonly version: string;
  /** What the person who pushed it said about it; may be empty. */
  readonly message: string;
  readonly author: string;
  /** Epoch ms. */
  readonly pushedAtMs: number;
  /** The version that was in force before. */
  readonly previous?: string;
  /** Present: `version` serves only the part of the traffic that this picks, and `previous` the rest. */
  readonly rollout?: ConfigStage;
}

/** Who is served the new version first. Sticky: a wider share only ever adds clients. */
export type ConfigStage =
  /** A share of all clients, 0…1. */
  | {
      readonly kind: "share";
      readonly share: number;
      readonly salt: string;
      /** Present: the push is an experiment, which goes on or back by itself. */
      readonly judge?: ConfigJudge;
    }
  /** Clients whose home is one of these regions. */
  | { readonly kind: "regions"; readonly regions: readonly string[] };

/** The terms by which a staged push is judged. */
export interface ConfigJudge {
  /** Shares in order, each in (0, 1]; the first is the stage's own. After the last one comes everybody. */
  readonly ramp: readonly number[];
  /** `observe` writes down what would be done, and does nothing. */
  readonly mode: "observe" | "enforce";
  /** Of the new version, before a step may end. */
  readonly minRequests: number;
  readonly minHours: number;
  /** Not counted after the push, ms; absent: as for every experiment. */
  readonly warmupMs?: number;
}

/** Why stored text is not a pointer. */
export interface PointerFailure {
  readonly reason: "not_json" | "wrong_schema" | "bad_shape";
  readonly detail: string;
}

/** Key of one immutable snapshot. */
export function configKey(version: string): string {
  return `config/${version}`;
}

/** Key of one line of the history. Times have 13 digits until the year 2286, so the keys stand in order of time. */
export function configLogKey({ version, pushedAtMs }: Pick<ConfigPointer, "version" | "pushedAtMs">): string {
  return `${CONFIG_LOG_PREFIX}${String(pushedAtMs).padStart(13, "0")}-${version}`;
}

/** Reads the pointer's JSON; fails closed, so that the reader keeps what it has. */
export function parsePointer(text: string): Result<ConfigPointer, PointerFailure> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return failed("not_json", "the pointer is not JSON");
  }
  if (typeof value !== "object" || value === null) return failed("bad_shape", "the pointer is not an object");
  const { schema, version, message, author, pushedAtMs, previous, rollout } = value as Partial<
    Record<keyof ConfigPointer, unknown>
  >;
  if (schema !== POINTER_SCHEMA) return failed("wrong_schema", `expected pointer schema ${POINTER_SCHEMA}`);
  if (!isVersion(version)) return failed("bad_shape", "`version` is not 16 hex digits");
  if (typeof message !== "string" || typeof author !== "string") {
    return failed("bad_shape", "`message` and `author` must be strings");
  }
  if (typeof pushedAtMs !== "number" || !Number.isFinite(pushedAtMs)) {
    return failed("bad_shape", "`pushedAtMs` must be a number");
  }
  if (previous !== undefined && !isVersion(previous)) return failed("bad_shape", "`previous` is not 16 hex digits");
  const stage = rollout === undefined ? undefined : parseStage(rollout);
  if (rollout !== undefined && (stage === undefined || previous === undefined)) {
    return failed("bad_shape", "`rollout` needs a share or regions, and `previous` for the rest");
  }
  return {
    ok: true,
    value: {
      schema: POINTER_SCHEMA,
      version,
      message,
      author,
      pushedAtMs,
      ...(previous === undefined ? {} : { previous }),
      ...(stage === undefined ? {} : { rollout: stage }),
    },
  };
}

function parseStage(value: unknown): ConfigStage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, share, salt, regions, judge } = value as Readonly<Record<string, unknown>>;
  if (kind === "share" && isShare(share) && typeof salt === "string") {
    if (judge === undefined) return { kind, share, salt };
    const terms = parseJudge(judge);
    return terms === undefined ? undefined : { kind, share, salt, judge: terms };
  }
  const isList = Array.isArray(regions) && regions.every((region) => typeof region === "string");
  return kind === "regions" && isList ? { kind, regions } : undefined;
}

function parseJudge(value: unknown): ConfigJudge | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { ramp, mode, minRequests, minHours, warmupMs } = value as Readonly<Record<string, unknown>>;
  if (!Array.isArray(ramp) || ramp.length === 0 || !ramp.every((share) => isShare(share) && share > 0))
    return undefined;
  if (mode !== "observe" && mode !== "enforce") return undefined;
  if (!isAmount(minRequests) || !isAmount(minHours)) return undefined;
  if (warmupMs === undefined) return { ramp, mode, minRequests, minHours };
  return isAmount(warmupMs) ? { ramp, mode, minRequests, minHours, warmupMs } : undefined;
}

const isShare = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= 1;
const isAmount = (value: unknown): value is number => typeof value === "number" && value >= 0 && Number.isFinite(value);

function failed(reason: PointerFailure["reason"], detail: string): Result<never, PointerFailure> {
  return { ok: false, failure: { reason, detail } };
}
