/**
 * Pictures that several requests may answer with. A stream belongs to the request that drew it, so a picture that streams is read
 * whole where another request waits for it too; otherwise it goes to its own client as it comes, and cannot be handed on.
 */
import {
  joinBytes,
  type Picture,
  REQUEST_FAILURES,
  type RequestFailure,
  wholePicture,
} from "../../../routing/index.ts";
import type { Ending } from "../joining/retries.ts";
import type { Drawn } from "../make-picture.ts";
import { type DrawAll, type DrawnAll, drawAll } from "../make-pictures.ts";

/** Most bytes of one call's pictures that are read whole for another request. The largest pictures of print models are 25 MB. */
const MAX_SHARED_BYTES = 32 * 1024 * 1024;

/** Draws, and makes the outcome one that crosses requests where that is needed or costs nothing. */
export async function drawToShare(work: DrawAll, isShared: () => boolean): Promise<Ending<DrawnAll>> {
  const all = await drawAll(work);
  if (all.failed !== undefined) return { value: all, end: endOf(all.failed.result.failure), bytes: 0 };
  const isWhole = all.drawn.every(({ result }) => result.ok && result.picture.bytes !== undefined);
  if (isWhole) return { value: all, end: "made", bytes: bytesOf(all) };
  if (!isShared()) return { value: all, end: "unshareable", bytes: 0 };
  const whole = await readWhole(all);
  return whole.failed === undefined
    ? { value: whole, end: "made", bytes: bytesOf(whole) }
    : { value: whole, end: "failed_for_now", bytes: 0 };
}

/** The same pictures for another request: bytes are shared, streams are its own. */
export function ownCopy(all: DrawnAll): DrawnAll {
  return {
    ...all,
    drawn: all.drawn.map((one) =>
      withPicture(one, (picture) => (picture.bytes === undefined ? picture : wholePicture(picture, picture.bytes))),
    ),
  };
}

function endOf({ code }: RequestFailure): Ending<DrawnAll>["end"] {
  if (code === "client_gone" || code === "superseded") return "unshareable";
  return REQUEST_FAILURES[code].retryable ? "failed_for_now" : "failed_for_good";
}

function bytesOf({ drawn }: DrawnAll): number {
  return drawn.reduce((sum, { result }) => sum + (result.ok ? (result.picture.bytes?.byteLength ?? 0) : 0), 0);
}

async function readWhole(all: DrawnAll): Promise<DrawnAll> {
  let leftBytes = MAX_SHARED_BYTES;
  const drawn: Drawn[] = [];
  for (const one of all.drawn) {
    const { result } = one;
    const bytes = result.ok ? (result.picture.bytes ?? (await readUpTo(result.picture.body, leftBytes))) : undefined;
    if (bytes === undefined)
      return { drawn: all.drawn, failed: { ...one, result: { ...result, ok: false, failure: BROKE } } };
    leftBytes -= bytes.byteLength;
    drawn.push(withPicture(one, (picture) => wholePicture(picture, bytes)));
  }
  return { drawn };
}

const BROKE: RequestFailure = {
  code: "upstream_failed",
  detail: "The picture broke off, or is too large to hand over.",
};

/** All of a stream; `undefined` where it breaks off or is longer. */
async function readUpTo(
  body: ReadableStream<Uint8Array>,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body) {
      length += chunk.byteLength;
      if (length > limitBytes) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return joinBytes(chunks);
}

function withPicture(drawn: Drawn, change: (picture: Picture) => Picture): Drawn {
  const { result } = drawn;
  return result.ok ? { ...drawn, result: { ...result, picture: change(result.picture) } } : drawn;
}
