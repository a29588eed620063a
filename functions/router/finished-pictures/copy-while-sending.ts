/**
 * Sends a picture that streams to its client and uploads it behind that, so that neither waits for the other and little is held.
 *
 * The client goes first: the upload may fall behind by a few MiB; one that fails, or holds the client up for long, is given up. A client that
 * leaves ends both. Committed is only what arrived whole and verified.
 */
import type { Clock, Picture } from "../../../routing/index.ts";
import type { Upload } from "./upload.ts";

/** How far the upload may be behind the client, bytes: what is held in memory of a picture. */
const BEHIND_BYTES = 4 * 1024 * 1024;

/** An upload that holds the client up for longer is given up, ms: 2 MiB a second is less than any store takes. */
const UPLOAD_WAITS_MS = 2_000;

/** Read at once, bytes. */
const READ_BYTES = 256 * 1024;

export interface CopyAsk {
  readonly picture: Picture;
  /** Resolves when the source has ended: may what was sent be kept? */
  readonly isGood: () => Promise<boolean>;
  open(): Promise<Upload>;
  readonly clock: Clock;
  readonly maxBytes: number;
}

export interface Copying {
  /** The picture for the client. */
  readonly body: Picture["body"];
  /** Resolves when all is over, with whether it was kept. Never rejects. */
  readonly kept: Promise<boolean>;
}

/** Begins. */
export function copyWhileSending(ask: CopyAsk): Copying {
  const { lengthBytes } = ask.picture;
  const { readable, writable } =
    lengthBytes === undefined ? new IdentityTransformStream() : new FixedLengthStream(lengthBytes);
  return { body: readable as Picture["body"], kept: pump(ask, writable) };
}

async function pump({ picture, isGood, open, clock, maxBytes }: CopyAsk, writable: WritableStream): Promise<boolean> {
  const reader = picture.body.getReader({ mode: "byob" });
  const client = writable.getWriter();
  client.closed.catch(() => undefined);
  const copy = trailingCopy(open(), clock);
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(READ_BYTES));
      if (done) break;
      bytes += value.byteLength;
      if (bytes <= maxBytes) copy.take(value);
      else void copy.giveUp();
      await client.write(value);
      await copy.catchUp();
    }
    await client.close();
  } catch (error: unknown) {
    const letGo = [reader.cancel(error), client.abort(error)].map((ending) => ending.catch(() => undefined));
    await Promise.all([copy.giveUp(), ...letGo]);
    return false;
  }
  return copy.finish(isGood);
}

interface TrailingCopy {
  /** Keeps the buffer. */
  take(bytes: Uint8Array<ArrayBuffer>): void;
  /** Resolves when the client may be sent more. */
  catchUp(): Promise<void>;
  giveUp(): Promise<void>;
  /** Was it kept? */
  finish(isGood: () => Promise<boolean>): Promise<boolean>;
}

function trailingCopy(opening: Promise<Upload>, clock: Clock): TrailingCopy {
  let written: Promise<unknown> = opening;
  let behindBytes = 0;
  let isOn = true;

  async function giveUp(): Promise<void> {
    if (!isOn) return;
    isOn = false;
    await opening.then((upload) => upload.abort()).catch(() => undefined);
  }

  async function write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (isOn) await (await opening).write(bytes);
    behindBytes -= bytes.byteLength;
  }

  return {
    take(bytes) {
      if (!isOn) return;
      behindBytes += bytes.byteLength;
      written = written.then(() => write(bytes));
      written.catch(giveUp);
    },
    async catchUp() {
      if (isOn && behindBytes > BEHIND_BYTES && !(await isDoneWithin(UPLOAD_WAITS_MS, written, clock))) void giveUp();
    },
    giveUp,
    async finish(isGood) {
      const isWhole =
        isOn &&
        (await written.then(
          () => isOn,
          () => false,
        ));
      if (!isWhole || !(await isGood())) {
        await giveUp();
        return false;
      }
      const upload = await opening;
      return upload.commit().then(
        () => true,
        () => giveUp().then(() => false),
      );
    },
  };
}

async function isDoneWithin(ms: number, work: Promise<unknown>, clock: Clock): Promise<boolean> {
  const patience = new AbortController();
  const waited = clock.sleep(ms, patience.signal).then(() => false);
  const done = work.then(
    () => true,
    () => false,
  );
  const isDone = await Promise.race([done, waited]);
  patience.abort();
  return isDone;
}
