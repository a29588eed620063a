/**
 * Sends a picture that streams to its client and uploads it at the same time, piece by piece, so that it is held nowhere.
 *
 * The client goes first: an upload that fails or falls behind is given up, a client that leaves ends both. Committed is only what arrived
 * whole and verified.
 */
import type { Clock, Picture } from "../../../routing/index.ts";
import type { Upload } from "./upload.ts";

/** An upload that holds the client up for longer is given up, ms. */
const UPLOAD_WAITS_MS = 1_000;

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
  const opening = open();
  const giveUp = () => opening.then((upload) => upload.abort()).catch(() => undefined);
  let isKept = true;
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(READ_BYTES));
      if (done) break;
      bytes += value.byteLength;
      const copying = isKept
        ? keepsUp(bytes <= maxBytes, clock, () => opening.then((upload) => upload.write(value)))
        : false;
      await client.write(value);
      if (!isKept || (await copying)) continue;
      isKept = false;
      void giveUp();
    }
    await client.close();
  } catch (error: unknown) {
    await Promise.all([
      giveUp(),
      reader.cancel(error).catch(() => undefined),
      client.abort(error).catch(() => undefined),
    ]);
    return false;
  }
  if (!isKept) return false;
  if (!(await isGood())) {
    await giveUp();
    return false;
  }
  return opening
    .then((upload) => upload.commit())
    .then(
      () => true,
      () => giveUp().then(() => false),
    );
}

/** Did the upload take it, and soon enough? */
async function keepsUp(fits: boolean, clock: Clock, write: () => Promise<void>): Promise<boolean> {
  if (!fits) return false;
  const patience = new AbortController();
  const waited = clock.sleep(UPLOAD_WAITS_MS, patience.signal).then(() => false);
  const wrote = write().then(
    () => true,
    () => false,
  );
  const inTime = await Promise.race([wrote, waited]);
  patience.abort();
  return inTime;
}
