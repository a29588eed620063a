/** Names a picture by what it is made of. */
import { digestOf } from "../chance.ts";
import type { PictureSpec } from "./picture.ts";

/** Everything that changes the pixels or the encoding, as one short string. */
export function pictureKey(spec: PictureSpec): string {
  const { image, mask, ...plain } = spec;
  const files = [image?.bytes, mask].map((bytes) => (bytes ? digestOf(Buffer.from(bytes).toString("base64")) : ""));
  return digestOf(JSON.stringify(plain), image?.keep ?? 0, ...files);
}
