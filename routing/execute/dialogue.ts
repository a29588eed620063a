/**
 * Speaks one endpoint's dialect, step by step, until there is a checked picture or a typed failure.
 *
 * Every wait is raced against the attempt's stopper; a response that is not read to its end is cancelled. The picture is held back
 * up to the policy's bound and checked before anybody sees a byte of it; what is larger streams on from here.
 */
import type { Call, Dialect, Reading, Reported, ResponseHead, Step, Target, Work } from "../dialects/dialect.ts";
import type { AttemptFailure, Result } from "../failure/index.ts";
import { openSource, READ_BYTES } from "../image/byte-source.ts";
import { checkPicture } from "../image/check.ts";
import { type DocumentResult, extractFromSource } from "../image/extract.ts";
import { type Held, holdHead } from "../image/head.ts";
import { isolateHeadBudget } from "../image/head-budget.ts";
import type { PictureHeader } from "../image/sniff.ts";
import { type GuardedSource, guardSource } from "./guarded-source.ts";
import type { Upstream, UpstreamResponse } from "./ports.ts";
import type { RequestClock } from "./request-clock.ts";
import { STOPPED, type Stopper } from "./stopper.ts";

/** Most steps of one attempt; a poll a second for a ten-minute job. More is an upstream that leads us round in circles. */
const MAX_STEPS = 1_000;

/**
 * A send that fails sooner than this never reached the upstream's work, ms; later, the request was surely sent. The runtime tells a
 * refused connection from a lost one by nothing else (facts: platform C.5), and refusals come within one round trip.
 */
const CONNECT_WITHIN_MS = 1_000;

/** A checked picture, whole or ready to stream. */
export interface Made {
  readonly reported: Reported;
  /** What the upstream says behind a picture that streams; known when the stream has ended. */
  readonly later: Promise<Result<Reported, AttemptFailure>> | undefined;
  readonly header: PictureHeader;
  readonly held: Held;
  /** Where a picture that streams comes from; its waits can be limited. */
  readonly source: GuardedSource | undefined;
  /** Of the whole picture, when known. */
  readonly lengthBytes: number | undefined;
}

export interface Dialogue {
  readonly dialect: Dialect;
  readonly work: Work;
  readonly target: Target;
  readonly upstream: Upstream;
  readonly clock: RequestClock;
  readonly stopper: Stopper;
  /** Most bytes of the picture held back, from the policy. */
  readonly headBytes: number;
  /** Told when a response's head has come: what times out from then on is its body. */
  onHead(): void;
  background(work: Promise<unknown>): void;
  warn(warnings: readonly string[]): void;
}

/** Makes the picture. Never rejects for what an upstream does. */
export async function makePicture(dialogue: Dialogue): Promise<Result<Made, AttemptFailure>> {
  const begun = dialogue.dialect.begin(dialogue.work, dialogue.target);
  if (!begun.ok) return begun;
  dialogue.warn(begun.value.warnings);
  let step: Step = begun.value.step;
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    if (step.delayMs !== undefined && step.delayMs > 0) await pause(dialogue, step.delayMs);
    const response = await send(dialogue, step.call);
    if (!response.ok) return response;
    dialogue.onHead();
    const next = await read(dialogue, step, response.value);
    if ("then" in next) step = next.step;
    else return next;
  }
  return failed({ reason: "bad_response", defect: "no_picture" });
}

type Next = Result<Made, AttemptFailure> | { readonly then: "step"; readonly step: Step };

async function read(dialogue: Dialogue, step: Step, response: UpstreamResponse): Promise<Next> {
  const head: ResponseHead = { status: response.status, headers: response.headers, nowMs: dialogue.clock.nowMs() };
  const reading: Reading = step.receive(head);
  switch (reading.read) {
    case "nothing":
      discard(dialogue, response);
      return failed(reading.failure);
    case "picture":
      return readPicture(dialogue, response, reading.reported);
    case "embedded":
      return readEmbedded(dialogue, response, reading);
    case "text":
      return readSettled(dialogue, response, reading);
  }
}

async function send(dialogue: Dialogue, call: Call): Promise<Result<UpstreamResponse, AttemptFailure>> {
  const { stopper, clock } = dialogue;
  if (stopper.failure() !== undefined) return stopped(stopper);
  const sentAtMs = clock.nowMs();
  try {
    const response = await stopper.race(dialogue.upstream.send(call, stopper.signal), (late) =>
      discard(dialogue, late),
    );
    return response === STOPPED ? stopped(stopper) : { ok: true, value: response };
  } catch {
    if (stopper.failure() !== undefined) return stopped(stopper);
    const neverTaken = clock.nowMs() - sentAtMs < CONNECT_WITHIN_MS;
    return failed(neverTaken ? { reason: "connect_failed" } : { reason: "connection_lost", receivedBytes: 0 });
  }
}

async function readPicture(
  dialogue: Dialogue,
  response: UpstreamResponse,
  reported: Reported,
): Promise<Result<Made, AttemptFailure>> {
  if (response.body === null) return failed({ reason: "bad_response", defect: "no_picture" });
  const lengthBytes = lengthOf(response.headers);
  if (response.whole !== undefined && lengthBytes !== undefined && lengthBytes <= dialogue.headBytes) {
    const share = isolateHeadBudget.open();
    if (share.take(lengthBytes)) {
      const whole = await readWhole(dialogue, response.whole(), lengthBytes);
      share.giveBack();
      return whole.ok ? check({ dialogue, held: { whole: true, head: whole.value }, reported, lengthBytes }) : whole;
    }
  }
  const source = guardSource(openSource(response.body), { ...dialogue, lengthBytes });
  const held = await holdHead(source, {
    maxBytes: dialogue.headBytes,
    ...(lengthBytes === undefined ? {} : { lengthBytes }),
  });
  if (!held.ok) {
    dialogue.background(source.cancel());
    return held;
  }
  return check({ dialogue, held: held.value, reported, source, lengthBytes });
}

/** A body of known length in one piece: for 100 KB half the CPU of reading it in pieces (workerd 1.20261117.1). */
async function readWhole(
  dialogue: Dialogue,
  body: Promise<ArrayBuffer>,
  lengthBytes: number,
): Promise<Result<Uint8Array<ArrayBuffer>, AttemptFailure>> {
  try {
    const bytes = await dialogue.stopper.race(body);
    if (bytes === STOPPED) return stopped(dialogue.stopper);
    if (bytes.byteLength !== lengthBytes) return failed({ reason: "bad_picture", defect: "truncated" });
    return { ok: true, value: new Uint8Array(bytes) };
  } catch {
    if (dialogue.stopper.failure() !== undefined) return stopped(dialogue.stopper);
    return failed({ reason: "connection_lost", receivedBytes: 0 });
  }
}

/** What stands around the picture is there with a picture held whole, and at the stream's end otherwise. */
async function readEmbedded(
  dialogue: Dialogue,
  response: UpstreamResponse,
  reading: Extract<Reading, { read: "embedded" }>,
): Promise<Result<Made, AttemptFailure>> {
  if (response.body === null) return failed({ reason: "bad_response", defect: "not_json" });
  const documentBytes = lengthOf(response.headers);
  const readBytes = Math.min(READ_BYTES, (documentBytes ?? READ_BYTES) + 1);
  const source = guardSource(openSource(response.body, readBytes), dialogue);
  const extraction = await extractFromSource(source, reading.select, { maxHeadBytes: dialogue.headBytes });
  if (!extraction.found) {
    dialogue.background(source.cancel());
    return failed(whyNoPicture(extraction.document, reading));
  }

  const { held, document } = extraction;
  if (!held.whole) {
    const later = document.then((end) => (end.ok ? reading.settle(end.value) : end));
    return check({ dialogue, held, reported: {}, later, source, lengthBytes: undefined });
  }
  const end = await document;
  // The picture is whole; a document that breaks behind it leaves only what it would have reported unknown.
  const reported: Result<Reported, AttemptFailure> = end.ok ? reading.settle(end.value) : { ok: true, value: {} };
  if (!reported.ok) return reported;
  return check({ dialogue, held, reported: reported.value, lengthBytes: held.head.length });
}

/** A refusal comes with a success status too: the document's own word goes first. */
function whyNoPicture(document: DocumentResult, reading: Extract<Reading, { read: "embedded" }>): AttemptFailure {
  if (!document.ok) return document.failure;
  const settled = reading.settle(document.value);
  return settled.ok ? { reason: "bad_response", defect: "no_picture" } : settled.failure;
}

async function readSettled(
  dialogue: Dialogue,
  response: UpstreamResponse,
  reading: Extract<Reading, { read: "text" }>,
): Promise<Next> {
  const text = await readText(dialogue, response, reading.maxBytes);
  if (!text.ok) return text;
  const settled = reading.settle(text.value);
  switch (settled.then) {
    case "failed":
      return failed(settled.failure);
    case "step":
      return settled;
    case "picture":
      return check({
        dialogue,
        held: { whole: true, head: settled.bytes },
        reported: settled.reported,
        lengthBytes: settled.bytes.length,
      });
  }
}

/** The body as text, cut off at `maxBytes`: what is longer is not what was expected, and its beginning says enough. */
async function readText(
  dialogue: Dialogue,
  response: UpstreamResponse,
  maxBytes: number,
): Promise<Result<string, AttemptFailure>> {
  if (response.body === null) return { ok: true, value: "" };
  const source = guardSource(openSource(response.body, TEXT_READ_BYTES), dialogue);
  const decoder = new TextDecoder();
  let text = "";
  for (let leftBytes = maxBytes; leftBytes > 0; ) {
    const piece = await source.next();
    if (piece.kind === "failed") return failed(piece.failure);
    if (piece.kind === "end") return { ok: true, value: text + decoder.decode() };
    text += decoder.decode(piece.bytes.subarray(0, leftBytes), { stream: true });
    leftBytes -= piece.bytes.length;
  }
  dialogue.background(source.cancel());
  return { ok: true, value: text };
}

/** Small bodies: error documents, poll answers. */
const TEXT_READ_BYTES = 16 * 1024;

interface CheckAsk {
  readonly dialogue: Dialogue;
  readonly held: Held;
  readonly reported: Reported;
  readonly later?: Made["later"];
  readonly source?: GuardedSource;
  readonly lengthBytes: number | undefined;
}

/** A success status means a picture only when the bytes say so. */
async function check(ask: CheckAsk): Promise<Result<Made, AttemptFailure>> {
  const { dialogue, held, reported, lengthBytes, source, later } = ask;
  const { dialect, work } = dialogue;
  const expected = dialect.expectedSize?.(work);
  const format = dialect.expectedFormat?.(work);
  const checking = checkPicture({
    head: held.head,
    whole: held.whole,
    ...(expected === undefined ? {} : { expected }),
    ...(format === undefined ? {} : { format }),
  });
  const checked = await dialogue.stopper.race(checking);
  if (checked !== STOPPED && checked.ok) {
    return { ok: true, value: { reported, held, lengthBytes, source, later, header: checked.value } };
  }
  if (!held.whole) dialogue.background(held.discard());
  return checked === STOPPED ? stopped(dialogue.stopper) : checked;
}

/** Waits, or returns early when the attempt is stopped. */
async function pause(dialogue: Dialogue, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const takeBack = dialogue.clock.alarm(dialogue.clock.nowMs() + ms, resolve);
  await dialogue.stopper.race(promise);
  takeBack();
}

/** Length of the picture, where the response tells and no encoding makes it another. */
function lengthOf(headers: Headers): number | undefined {
  const length = headers.get("content-length");
  return length !== null && /^\d{1,15}$/.test(length) && !headers.has("content-encoding") ? Number(length) : undefined;
}

/** A body that nobody will read: its connection is let go. */
function discard(dialogue: Dialogue, response: UpstreamResponse): void {
  if (response.body !== null) dialogue.background(response.body.cancel().catch(() => undefined));
}

function failed(failure: AttemptFailure): Result<never, AttemptFailure> {
  return { ok: false, failure };
}

function stopped(stopper: Stopper): Result<never, AttemptFailure> {
  return failed(stopper.failure() ?? { reason: "cancelled", cause: "revoked" });
}
