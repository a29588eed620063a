import { expect, test } from "vitest";
import type { AttemptOutcome, Lease, Reservation, ReserveAsk } from "../../routing/execute/ports.ts";
import type { Ask, GrantedLease, Outcome, RefusalReason } from "../../routing/scheduler/contract.ts";

/** Does not compile unless each type is assignable to the other. */
type Same<One extends Other, Other extends Back, Back = One> = [One, Other, Back];

type Refused = Extract<Reservation, { granted: false }>;

test("the scheduler's words are those of execute's ports", () => {
  const held: [Same<Ask, ReserveAsk>?, Same<Outcome, AttemptOutcome>?, Same<RefusalReason, Refused["why"]>?] = [];
  expect(held).toEqual([]);
  // A lease needs only its signal and the loss of its expiry to be the port's.
  const toLease = ({ expiresAtMs: _expires, ...lease }: GrantedLease, revoked: AbortSignal): Lease => ({
    ...lease,
    revoked,
  });
  const granted = {
    id: "l",
    endpoint: "a",
    place: "weur",
    expiresAtMs: 1,
    predicted: { waitMs: 0, serviceMs: 1, p95Ms: 2 },
    probe: false,
  };
  expect(toLease(granted, new AbortController().signal)).not.toHaveProperty("expiresAtMs");
});
