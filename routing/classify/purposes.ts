/**
 * Which purposes are known. A declared purpose that nothing knows is most likely a typing error, and serving it by the default
 * route would hide that for ever: it is refused, with the list.
 */
import type { Purpose, Routing } from "../config/snapshot.ts";
import type { RequestFailure } from "../failure/index.ts";

/** Known wherever Galley runs, whether a routing file mentions them or not. */
const OWN_PURPOSES: readonly Purpose[] = ["draft-art", "preview", "compositing", "high-res-export"];

/** How many purposes a refusal names. */
const MAX_NAMED = 20;

/** Galley's own purposes, and those that a route or an inference rule mentions. */
export function knownPurposes(routing: Routing): ReadonlySet<Purpose> {
  return new Set([
    ...OWN_PURPOSES,
    ...routing.routes.flatMap((route) => route.match.purposes ?? []),
    ...routing.infer.map((rule) => rule.purpose),
  ]);
}

/** The refusal of a purpose that nothing knows. Repeats nothing of what the caller sent. */
export function unknownPurpose(known: ReadonlySet<Purpose>): RequestFailure {
  const named = [...known].slice(0, MAX_NAMED).join(", ");
  const more = known.size > MAX_NAMED ? `, and ${known.size - MAX_NAMED} more` : "";
  return { code: "invalid_request", path: "/purpose", detail: `No such purpose. Known are: ${named}${more}.` };
}
