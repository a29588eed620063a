/** Whose newer request takes an older one's place. */
import type { Drawing } from "./make-picture.ts";

/** Tenant, session and layer, each picture of a request on a layer of its own; `undefined` without a session. */
export function supersedeKeyOf({ ask, context, index }: Drawing): string | undefined {
  if (ask.session === undefined) return undefined;
  const layer = index === 0 ? (ask.layer ?? "") : `${ask.layer ?? ""}#${index}`;
  return `${context.admitted.tenant}:${ask.session}:${layer}`;
}
