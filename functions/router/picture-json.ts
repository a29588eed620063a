/**
 * Pictures inside JSON, in base64, as a stream: the document is written around the bytes while they come in, so that nothing here
 * grows with the picture.
 */
import { type Picture, writeBase64 } from "../../routing/index.ts";

/** Text as it is, or a picture as base64. A document is its pieces, one after the other. */
export type Piece = string | Picture;

/** One picture and the members that stand beside it. */
export interface PictureEntry {
  readonly picture: Picture;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** `{"images":[{…facts, "b64_json":"…"}, …]}`. */
export function embedPictures(entries: readonly PictureEntry[], headers: Readonly<Record<string, string>>): Response {
  const pieces = entries.flatMap(({ picture, facts }, index) => [
    ...(index === 0 ? [] : [","]),
    ...objectWith(facts, { name: "b64_json", picture }),
  ]);
  return respondPieces(['{"images":[', ...pieces, "]}"], headers);
}

/** `{…facts, "<name>":"<base64>"}`. */
export function objectWith(
  facts: PictureEntry["facts"],
  member: { readonly name: string; readonly picture: Picture },
): readonly Piece[] {
  const members = JSON.stringify(facts).slice(1, -1);
  return [`{${members}${members === "" ? "" : ","}${JSON.stringify(member.name)}:"`, member.picture, '"}'];
}

/** A JSON answer: at once where every picture is whole, else as a stream. */
export function respondPieces(pieces: readonly Piece[], headers: Readonly<Record<string, string>>): Response {
  const allHeaders = { ...headers, "content-type": "application/json" };
  const text = wholeText(pieces);
  return new Response(text ?? streamPieces(pieces), { headers: allHeaders });
}

/** All pieces as one text; `undefined` where a picture is still coming in. */
export function wholeText(pieces: readonly Piece[]): string | undefined {
  const texts = pieces.map((piece) => (typeof piece === "string" ? piece : piece.bytes?.toBase64()));
  return texts.every((text) => text !== undefined) ? texts.join("") : undefined;
}

/** Writes the pieces one after the other and leaves the stream open. Rejects when an upstream breaks off or the reader leaves. */
export async function writePieces(
  pieces: readonly Piece[],
  writable: WritableStream<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  for (const piece of pieces) {
    if (typeof piece === "string") await writeText(piece, writable);
    else if (piece.bytes !== undefined) await writeText(piece.bytes.toBase64(), writable);
    else await writeBase64(piece.body, writable);
  }
}

async function writeText(text: string, writable: WritableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>).finally(() => writer.releaseLock());
}

/** An upstream that breaks off errors the stream, so the document is never silently short. Its length is announced where it is known. */
function streamPieces(pieces: readonly Piece[]): ReadableStream<Uint8Array> {
  const lengthBytes = documentBytes(pieces);
  const { readable, writable } =
    lengthBytes === undefined ? new IdentityTransformStream() : new FixedLengthStream(lengthBytes);
  writePieces(pieces, writable)
    .then(() => writable.close())
    .catch((error: unknown) => writable.abort(error).catch(() => undefined));
  return readable;
}

/** Length of the whole document; `undefined` where a picture's is not known. */
function documentBytes(pieces: readonly Piece[]): number | undefined {
  const encoder = new TextEncoder();
  let bytes = 0;
  for (const piece of pieces) {
    if (typeof piece === "string") bytes += encoder.encode(piece).byteLength;
    else if (piece.lengthBytes === undefined) return undefined;
    else bytes += 4 * Math.ceil(piece.lengthBytes / 3);
  }
  return bytes;
}
