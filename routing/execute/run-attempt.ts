/**
 * One attempt: a lease, one conversation with one endpoint, one verified picture or one typed failure.
 *
 * It lives inside a window of the deadline and can be stopped from outside with a typed reason: then the upstream sees an abort, the
 * slot is given back at once, and what still comes is thrown away. However it ends, its lease is released exactly once.
 * A picture that streams keeps the lease until its last byte. State lives in the attempt.
 */
import type { Endpoint, EndpointId } from "../config/snapshot.ts";
import { type Dialect, dialectOf, type Reported, type Target } from "../dialects/index.ts";
import type { AttemptFailure, CancelCause, Result } from "../failure/index.ts";
import { sizeClassOf } from "../scheduler/size-class.ts";
import {
  type Attempt,
  type AttemptAsk,
  type AttemptEvents,
  causeOf,
  type RequestContext,
  type Served,
  type ServedEnd,
} from "./attempt.ts";
import { modelOf, refusalFailure, reserveAskOf, stepsOf, workOf } from "./attempt-work.ts";
import { attemptCostUsd } from "./cost.ts";
import { type Made, makePicture } from "./dialogue.ts";
import type { Picture } from "./executed.ts";
import { checkPin, startPinLook } from "./pin-check.ts";
import type { AttemptRecord, Lease, Reservation } from "./ports.ts";
import { createStopper, STOPPED } from "./stopper.ts";
import { wholePicture } from "./whole-picture.ts";

/** Starts the attempt; it reports through `events` and never rejects. */
export function startAttempt(context: RequestContext, ask: AttemptAsk, events: AttemptEvents): Attempt {
  const { input, ports, clock } = context;
  const { leg, request } = ask;
  const model = modelOf(input, leg.model);
  const steps = stepsOf(input, model);
  const pixels = request.width * request.height;
  const sizeClass = sizeClassOf(request.width, request.height);
  const startedAtMs = clock.nowMs();
  const stopper = createStopper();

  let lease: Lease | undefined;
  let endpoint: Endpoint | undefined;
  let leasedAtMs = startedAtMs;
  let calledAtMs: number | undefined;
  let waitingFor: "slot" | "headers" | "body" | "pin" = "slot";
  let giveUpPin: (() => void) | undefined;
  let lookController: AbortController | undefined;
  let reported: Reported | undefined;
  let warnings: readonly string[] = [];
  let unserved: Made | undefined;
  let end: { readonly atMs: number; readonly failure: AttemptFailure | undefined } | undefined;

  let endsAtMs = ask.endsAtMs;
  let takeBackAlarm = clock.alarm(endsAtMs, timeIsUp);
  const onRevoked = (): void => stop({ reason: "cancelled", cause: causeOf(lease?.revoked, "revoked") });

  const attempt: Attempt = {
    ask,
    startedAtMs,
    endpoint: () => lease?.endpoint,
    stop,
    serve,
    record,
    costUsd,
  };
  void run().then(
    (result) => events.ended(attempt, result),
    (error: unknown) => events.broke(error),
  );
  return attempt;

  async function run(): Promise<Result<Served, AttemptFailure>> {
    const granted = await reserve();
    if (!granted.ok) return settled(granted.failure);
    lease = granted.value;
    leasedAtMs = clock.nowMs();
    hurry();
    if (lease.revoked.aborted) onRevoked();
    else lease.revoked.addEventListener("abort", onRevoked);
    endpoint = input.snapshot.content.catalog.endpoints[lease.endpoint];
    const dialect =
      endpoint === undefined ? undefined : (ports.dialects?.[endpoint.dialect] ?? dialectOf(endpoint.dialect));
    // A scheduler on another snapshot may know endpoints that this one does not.
    if (endpoint === undefined || dialect === undefined) return settled({ reason: "not_admitted", why: "no_endpoint" });
    events.granted(attempt, lease);
    return converse({ endpoint, dialect });
  }

  /** With its slot, an attempt that takes longer than such work ever does is given up, as long as another leg can still serve. */
  function hurry(): void {
    const hurriedMs = leasedAtMs + (leg.attemptMs ?? Number.POSITIVE_INFINITY);
    if (!ask.elsewhere || lease?.patient || hurriedMs >= endsAtMs) return;
    takeBackAlarm();
    endsAtMs = hurriedMs;
    takeBackAlarm = clock.alarm(endsAtMs, timeIsUp);
  }

  /** A slot, or why there is none. A grant that comes after a stop goes straight back. */
  async function reserve(): Promise<Result<Lease, AttemptFailure>> {
    let reservation: Reservation | typeof STOPPED;
    try {
      reservation = await stopper.race(
        ports.scheduler.reserve(reserveAskOf(input, ask, startedAtMs), stopper.signal),
        giveBack,
      );
    } catch {
      // The port promises not to reject; one that does is as good as no scheduler.
      reservation = { granted: false, why: "no_endpoint" };
    }
    if (reservation === STOPPED) return { ok: false, failure: stopFailure() };
    if (reservation.granted) return { ok: true, value: reservation.lease };
    return failedWith(refusalFailure(reservation));
  }

  function giveBack(late: Reservation): void {
    if (!late.granted) return;
    const failure = stopFailure();
    const cause = failure.reason === "cancelled" ? failure.cause : "deadline";
    release(late.lease, { failure: { reason: "cancelled", cause }, elapsedMs: 0 });
  }

  async function converse(to: {
    readonly endpoint: Endpoint;
    readonly dialect: Dialect;
  }): Promise<Result<Served, AttemptFailure>> {
    const { dialect } = to;
    const key = to.endpoint.secret === undefined ? undefined : ports.secret(to.endpoint.secret);
    if (to.endpoint.secret !== undefined && key === undefined) {
      return settled({ reason: "secret_missing", secret: to.endpoint.secret });
    }
    const target: Target = { endpoint: to.endpoint, ...(key === undefined ? {} : { key }) };
    const work = workOf(input, { ...ask, endsAtMs }, { nowMs: clock.nowMs(), random: ports.random });
    ports.observe?.({ event: "attempt-started", endpoint: to.endpoint.id, leg: leg.kind, timeoutMs: work.timeoutMs });
    calledAtMs = clock.nowMs();
    waitingFor = "headers";
    lookController = dialect.pinLook === undefined || ports.pins === undefined ? undefined : new AbortController();
    const { upstream, pins } = ports;
    const lookSignal = lookController?.signal;
    const look = lookSignal && startPinLook({ dialect, target, model, upstream, pins, signal: lookSignal });
    const made = await makePicture({
      dialect,
      work,
      target,
      upstream: ports.upstream,
      clock,
      stopper,
      headBytes: ask.headBytes,
      onHead: () => {
        waitingFor = "body";
      },
      background: ports.background,
      warn: (words) => {
        warnings = words;
      },
    });
    if (!made.ok) return settled(made.failure);
    return verify({ endpoint: to.endpoint.id, made: made.value, look });
  }

  async function verify(from: {
    readonly endpoint: EndpointId;
    readonly made: Made;
    readonly look: Promise<string | undefined> | undefined;
  }): Promise<Result<Served, AttemptFailure>> {
    const { made, look } = from;
    unserved = made;
    reported = made.reported;
    const reportedPin = reported.pin ?? (look === undefined ? undefined : await lookedUp(look));
    const pin = stopper.failure() === undefined ? checkPin(model.pin, reportedPin) : failedWith(stopFailure());
    if (!pin.ok) return settled(pin.failure);
    const served: Served = { endpoint: from.endpoint, pin: pin.value, reported, made, warnings };
    if (made.held.whole) settled(undefined);
    else takeBackAlarm();
    return { ok: true, value: served };
  }

  /** The look's answer; nothing when the window closes or the attempt is stopped before it. */
  async function lookedUp(look: Promise<string | undefined>): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    giveUpPin = () => resolve(undefined);
    waitingFor = "pin";
    const answer = await stopper.race(Promise.race([look, promise]));
    return answer === STOPPED ? undefined : answer;
  }

  function timeIsUp(): void {
    if (waitingFor === "pin") giveUpPin?.();
    else if (waitingFor === "slot") stop({ reason: "not_admitted", why: "predicted_late" });
    else stop({ reason: "timed_out", timeoutMs: endsAtMs - leasedAtMs, phase: waitingFor });
  }

  function stop(failure: AttemptFailure): void {
    if (end !== undefined) return;
    stopper.stop(failure);
    settled(failure);
  }

  function stopFailure(): AttemptFailure {
    return stopper.failure() ?? { reason: "cancelled", cause: "revoked" };
  }

  /** Books the end, once: slot back, alarms off, a picture that nobody will get let go. */
  function settled(failure: AttemptFailure | undefined): Result<never, AttemptFailure> {
    if (end === undefined) {
      end = { atMs: clock.nowMs(), failure };
      takeBackAlarm();
      lookController?.abort("lost_race" satisfies CancelCause);
      if (failure !== undefined && unserved?.held.whole === false) ports.background(unserved.held.discard());
      if (lease !== undefined) {
        lease.revoked.removeEventListener("abort", onRevoked);
        release(lease, { failure, elapsedMs: end.atMs - leasedAtMs });
      }
      ports.observe?.({ event: "attempt-ended", record: record() });
    }
    return failedWith(end.failure ?? stopFailure());
  }

  function release(
    held: Lease,
    how: { readonly failure: AttemptFailure | undefined; readonly elapsedMs: number },
  ): void {
    ports.scheduler.release(held, {
      model: model.id,
      sizeClass,
      ...(steps === undefined ? {} : { steps }),
      result: how.failure === undefined ? { ok: true } : { ok: false, failure: how.failure },
      elapsedMs: how.elapsedMs,
      ...(reported?.serviceMs === undefined ? {} : { serviceMs: reported.serviceMs }),
      ...(reported?.queueMs === undefined ? {} : { queueMs: reported.queueMs }),
      ...(held === lease ? { costUsd: costUsd() } : {}),
    });
  }

  function serve(served: Served): { readonly picture: Picture; readonly ended: Promise<ServedEnd> | undefined } {
    const { header, held, lengthBytes, source } = served.made;
    const facts = { format: header.format, width: header.width, height: header.height };
    if (held.whole) return { picture: wholePicture(facts, held.head), ended: undefined };
    unserved = undefined;
    const timeoutMs = ask.endsAtMs - leasedAtMs;
    source?.limitWaits(timeoutMs, { reason: "timed_out", timeoutMs, phase: "body" });
    const flow = held.open(header.format);
    const ended = flow.finished.then(async (flowEnd) => {
      const failure = flowEnd.whole ? await lastWord(served.made) : (stopper.failure() ?? flowEnd.failure);
      if (failure !== undefined) stopper.stop(failure);
      settled(failure);
      const isReported = served.pin === "verified" || reported?.pin !== undefined;
      const { bytes, whole } = flowEnd;
      return { bytes, whole, verified: failure === undefined && isReported, ...(failure && { failure }) };
    });
    return {
      picture: { ...facts, body: flow.stream, ...(lengthBytes === undefined ? {} : { lengthBytes }) },
      ended,
    };
  }

  /** What the upstream says behind the picture: too late to withhold it, not too late to blame the endpoint. */
  async function lastWord({ later }: Made): Promise<AttemptFailure | undefined> {
    const said = later === undefined ? undefined : await later;
    if (said === undefined) return undefined;
    if (!said.ok) return said.failure;
    reported = said.value;
    const pin = checkPin(model.pin, reported.pin);
    return pin.ok ? undefined : pin.failure;
  }

  function record(): AttemptRecord {
    const failure = end?.failure;
    const waitedMs = leasedAtMs - startedAtMs;
    return {
      endpoint: lease?.endpoint ?? "none",
      model: leg.model,
      place: leg.place,
      leg: leg.kind,
      kind: ask.kind,
      outcome: failure?.reason ?? (end !== undefined || unserved !== undefined ? "ok" : "running"),
      ...(failure === undefined ? {} : { failure }),
      startedAfterMs: startedAtMs - input.startedAtMs,
      elapsedMs: (end?.atMs ?? clock.nowMs()) - startedAtMs,
      ...(waitedMs > 0 ? { waitedMs } : {}),
    };
  }

  function costUsd(): number {
    if (endpoint === undefined) return 0;
    const untilMs = end?.atMs ?? clock.nowMs();
    const workedMs = calledAtMs === undefined ? undefined : untilMs - calledAtMs;
    return attemptCostUsd({ model, endpoint, pixels, failure: end?.failure, reported, workedMs });
  }
}

function failedWith(failure: AttemptFailure): Result<never, AttemptFailure> {
  return { ok: false, failure };
}
