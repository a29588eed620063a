/** Which fields of two JSON values differ: paths with dots, lists taken as one value. */

export interface FieldChange {
  /** `downgrade.enterAt`. */
  readonly path: string;
  /** `undefined`: the field was not there. */
  readonly before: unknown;
  readonly after: unknown;
}

/** The fields that differ, in order of the former value, then new ones. */
export function listChanges(before: object, after: object, prefix = ""): readonly FieldChange[] {
  const [old, now] = [before as Readonly<Record<string, unknown>>, after as Readonly<Record<string, unknown>>];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((key): readonly FieldChange[] => {
    const [was, is] = [old[key], now[key]];
    const path = `${prefix}${key}`;
    if (isBlock(was) && isBlock(is)) return listChanges(was, is, `${path}.`);
    return JSON.stringify(was) === JSON.stringify(is) ? [] : [{ path, before: was, after: is }];
  });
}

function isBlock(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
