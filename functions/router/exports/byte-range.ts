/** `Range: bytes=…` (RFC 9110 §14) as offset and length. Pure. */

/** One range of bytes; several, or what is not understood, mean the whole (RFC 9110 §14.2 lets a server choose). */
export function parseRange(
  header: string | null,
  size: number,
): { readonly offset: number; readonly length: number } | "unsatisfiable" | undefined {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  if (first === "") {
    const length = Math.min(size, Number(last));
    return length === 0 ? "unsatisfiable" : { offset: size - length, length };
  }
  const offset = Number(first);
  const end = last === "" ? size - 1 : Math.min(size - 1, Number(last));
  if (last !== "" && Number(last) < offset) return undefined;
  return offset >= size ? "unsatisfiable" : { offset, length: end - offset + 1 };
}
