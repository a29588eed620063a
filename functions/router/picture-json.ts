/**
 * Pictures inside JSON, in base64, as a stream: the document is written around the bytes while they come in, so that nothing here
 * grows with the picture.
 */
import { type Picture, toBase64Stream } from "../../routing/index.ts";

/** One picture and the members that stand beside it. */
export interface PictureEntry {
  readonly picture: Picture;
  readonly facts: Readonly<Record<string, string | number>>;
}

/** `{"images":[{…facts, "b64_json":"…"}, …]}`. */
export function embedPictures(entries: readonly PictureEntry[], headers: Readonly<Record<string, string>>): Response {
  const pieces: Piece[] = entries.flatMap(({ picture, facts }, index) => [
    `${index === 0 ? '{"images":[' : ","}${openMembers(facts)}"b64_json":"`,
    picture,
    '"}',
  ]);
  return respond([...pieces, "]}"], headers);
}

/** `{…facts, "image":"…"}`: the case study's shape. */
export function embedPicture(
  picture: Picture,
  facts: PictureEntry["facts"],
  headers: Readonly<Record<string, string>>,
): Response {
  return respond([`${openMembers(facts)}"image":"`, picture, '"}'], headers);
}

type Piece = string | Picture;

/** `{"a":1,`: an object's members with the brace still open. */
const openMembers = (facts: PictureEntry["facts"]): string => `${JSON.stringify(facts).slice(0, -1)},`;

function respond(pieces: readonly Piece[], headers: Readonly<Record<string, string>>): Response {
  const allHeaders = { ...headers, "content-type": "application/json" };
  const texts = pieces.map((piece) => (typeof piece === "string" ? piece : piece.bytes?.toBase64()));
  const isWhole = texts.every((text) => text !== undefined);
  return new Response(isWhole ? texts.join("") : streamPieces(pieces), { headers: allHeaders });
}

/** Writes the pieces one after the other; an upstream that breaks off errors the stream, so the document is never silently short. */
function streamPieces(pieces: readonly Piece[]): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const encoder = new TextEncoder();
  const write = async () => {
    for (const piece of pieces) {
      if (typeof piece === "string") {
        const writer = writable.getWriter();
        await writer.write(encoder.encode(piece));
        writer.releaseLock();
      } else {
        await toBase64Stream(piece.body).pipeTo(writable, { preventClose: true });
      }
    }
    await writable.close();
  };
  write().catch((error: unknown) => writable.abort(error).catch(() => undefined));
  return readable;
}
