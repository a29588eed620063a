/**
 * Multipart bodies: plain fields first, pictures as file parts after them.
 */
import { type InlinePicture, MEDIA_TYPES } from "../image/request.ts";

/**
 * A form of these fields and pictures; an absent picture is left out, several under one name follow each other. Its boundary is the
 * runtime's to choose.
 */
export function formOf(
  fields: Readonly<Record<string, unknown>>,
  pictures: Readonly<Record<string, InlinePicture | readonly InlinePicture[] | undefined>>,
): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  for (const [name, given] of Object.entries(pictures)) {
    for (const { bytes, format } of given === undefined ? [] : [given].flat()) {
      form.append(name, new Blob([bytes], { type: MEDIA_TYPES[format] }), `${name.replace("[]", "")}.${format}`);
    }
  }
  return form;
}
