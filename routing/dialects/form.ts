/**
 * Multipart bodies: plain fields first, pictures as file parts after them.
 */
import { type InlinePicture, MEDIA_TYPES } from "../image/request.ts";

/** A form of these fields and pictures; an absent picture is left out. Its boundary is the runtime's to choose. */
export function formOf(
  fields: Readonly<Record<string, unknown>>,
  pictures: Readonly<Record<string, InlinePicture | undefined>>,
): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  for (const [name, picture] of Object.entries(pictures)) {
    if (picture === undefined) continue;
    form.append(name, new Blob([picture.bytes], { type: MEDIA_TYPES[picture.format] }), `${name}.${picture.format}`);
  }
  return form;
}
