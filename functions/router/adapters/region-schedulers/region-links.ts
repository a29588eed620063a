/**
 * A place's RegionScheduler as this request can call it: stubs belong to the request that made them.
 *
 * An object is created near its GPUs: the location hint counts with the very first get and never again.
 */
import type { Catalog, PlaceId } from "../../../../routing/index.ts";
import type { RegionObject } from "../../../region/region-protocol.ts";

export interface RegionLinks {
  /** A fresh way to the object; one that failed is not used again. */
  to(place: PlaceId): RegionObject;
}

/** Links over the platform's namespace. */
export function regionLinks(namespace: DurableObjectNamespace, places: Catalog["places"]): RegionLinks {
  return {
    to(place) {
      const hint = places[place]?.locationHint as DurableObjectLocationHint | undefined;
      const stub: unknown = namespace.getByName(place, hint === undefined ? {} : { locationHint: hint });
      return stub as RegionObject;
    },
  };
}
