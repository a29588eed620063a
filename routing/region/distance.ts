/**
 * Great-circle distance between two points of the earth, and which coordinates make a point at all.
 */

/** Degrees; `latitude` −90…90, `longitude` −180…180. */
export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Mean radius of the earth, km (IUGG). */
const EARTH_RADIUS_KM = 6_371;

/** Distance between two points along the surface, km (haversine formula). */
export function distanceKm(from: Point, to: Point): number {
  const latitudes = (radians(to.latitude) - radians(from.latitude)) / 2;
  const longitudes = (radians(to.longitude) - radians(from.longitude)) / 2;
  const chord =
    Math.sin(latitudes) ** 2 +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * Math.sin(longitudes) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** The point that a thing with optional coordinates stands at; `undefined` where either is missing, not a number or out of range. */
export function pointOf(place: {
  readonly latitude?: number | undefined;
  readonly longitude?: number | undefined;
}): Point | undefined {
  const { latitude = Number.NaN, longitude = Number.NaN } = place;
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : undefined;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
