/** Measured service times out of a router's status document, for predictions. Unknown shapes count as not measured. */
import type { DecideInput } from "../../routing/authoring.ts";
import { listIn, numberIn, textIn } from "./status-fields.ts";

type Measured = NonNullable<DecideInput["measured"]>;

/** Times by model and place; the mean of an endpoint's where several are there. */
export function measuredFrom(status: unknown): Measured {
  const known = new Map<string, { readonly q50Ms: number; readonly q75Ms: number; readonly q95Ms: number }>();
  for (const place of listIn(status, "places")) {
    for (const endpoint of listIn(place, "endpoints")) {
      const times = [numberIn(endpoint, "p50_ms"), numberIn(endpoint, "p95_ms")] as const;
      const [q50Ms, q95Ms] = times;
      if (q50Ms === undefined || q95Ms === undefined) continue;
      const q75Ms = numberIn(endpoint, "p75_ms") ?? Math.sqrt(q50Ms * q95Ms);
      known.set(keyOf(textIn(endpoint, "model") ?? "", textIn(place, "id") ?? ""), { q50Ms, q75Ms, q95Ms });
    }
  }
  return ({ model, place }) => known.get(keyOf(model, place));
}

const keyOf = (model: string, place: string): string => `${model}\n${place}`;
