/**
 * The `stale` leg: the last finished picture of the same session and layer, so that an editor shows something rather than nothing.
 *
 * No GPU works and nothing is paid. Fails safe: a store that is slow, broken or empty means no picture.
 */
import type { Leg } from "../plan/plan.ts";
import type { Executed, ExecuteInput, ExecuteResult } from "./executed.ts";
import type { ExecutePorts, StalePicture } from "./ports.ts";
import type { RequestClock } from "./request-clock.ts";
import { wholePicture } from "./whole-picture.ts";

/** Looks for the picture until `untilMs`; `undefined` when there is none to show. Never rejects. */
export async function findStale(ask: {
  readonly input: ExecuteInput;
  readonly ports: ExecutePorts;
  readonly clock: RequestClock;
  readonly untilMs: number;
}): Promise<StalePicture | undefined> {
  const { input, ports } = ask;
  if (ports.stale === undefined || input.supersedeKey === undefined) return undefined;
  const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
  const takeBack = ask.clock.alarm(ask.untilMs, () => resolve(undefined));
  const maxAgeMs = input.plan.policy.staleMaxAgeMs;
  const looking = ports.stale({ tenant: input.tenant, supersedeKey: input.supersedeKey, maxAgeMs });
  const found = await Promise.race([looking.catch(() => undefined), tooLate]);
  takeBack();
  return found !== undefined && found.ageMs <= maxAgeMs ? found : undefined;
}

/** The answer that shows it. */
export function staleResult(shown: {
  readonly picture: StalePicture;
  readonly leg: Leg;
  readonly reason: string;
  readonly tally: Executed;
}): ExecuteResult {
  const { picture, tally } = shown;
  return {
    ok: true,
    picture: wholePicture(picture, picture.bytes),
    leg: shown.leg,
    endpoint: "none",
    pin: "unverified",
    reported: {},
    degraded: { what: "stale", reason: shown.reason },
    ...tally,
    finished: Promise.resolve({ whole: true, verified: false, costUsd: tally.costUsd, bytes: picture.bytes.length }),
  };
}
