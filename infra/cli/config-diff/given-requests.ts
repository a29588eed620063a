/**
 * Requests that a diff tries when nobody recorded any: every purpose that either version knows, with and without text, plain and large,
 * from the middle of every region.
 */
import { knownPurposes, PLAIN_FEATURES, type Snapshot } from "../../../routing/authoring.ts";
import type { Recorded } from "./recording.ts";

export interface Given {
  /** `preview with text, from weur`. */
  readonly label: string;
  readonly request: Recorded;
}

/** Shapes of a request, beside its purpose. */
const SHAPES = [
  { label: "", features: {} },
  { label: " with text", features: { hasOverlays: true } },
  { label: " of 4 MP", features: { width: 2_048, height: 2_048 } },
  { label: " of a picture", features: { hasImage: true } },
] as const;

/** The requests, in order of purpose, shape and region. */
export function givenRequests(before: Snapshot, after: Snapshot): readonly Given[] {
  const purposes = new Set([before, after].flatMap(({ content }) => [...knownPurposes(content.routing)]));
  const places = Object.values(after.content.catalog.places).filter((place) => place.kind === "region");
  return [undefined, ...[...purposes].sort()].flatMap((purpose) =>
    SHAPES.flatMap(({ label, features }) =>
      places.map((place) => ({
        label: `${purpose ?? "undeclared"}${label}, from ${place.id}`,
        request: toRequest({ ...features, ...(purpose === undefined ? {} : { purpose }) }, place),
      })),
    ),
  );
}

function toRequest(
  features: Partial<Recorded["features"]>,
  {
    countries,
    continents,
    colos,
  }: { countries: readonly string[]; continents: readonly string[]; colos: readonly string[] },
): Recorded {
  const [country] = countries;
  const [continent] = continents;
  const [colo] = colos;
  return {
    features: {
      ...PLAIN_FEATURES,
      ...features,
      ...(country === undefined ? {} : { country }),
    },
    location: {
      ...(colo === undefined ? {} : { colo }),
      ...(country === undefined ? {} : { country }),
      ...(continent === undefined ? {} : { continent }),
    },
  };
}
