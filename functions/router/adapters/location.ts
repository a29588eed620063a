/**
 * Where the client is: `request.cf`, or in local development the header `galley-client-location`
 * (`colo=CDG; country=FR; continent=EU; latitude=48.8; longitude=2.3`, any part may be missing).
 */
import type { ClientLocation } from "../../../routing/index.ts";

export const LOCATION_HEADER = "galley-client-location";

/** The client's location; empty when nothing is known. The header is read only where `local`. */
export function clientLocation(request: Request, local: boolean): ClientLocation {
  const forced = local ? request.headers.get(LOCATION_HEADER) : null;
  if (forced !== null) return fromHeader(forced);
  const cf = request.cf as Partial<Record<string, unknown>> | undefined;
  if (cf === undefined) return {};
  return toLocation(cf["colo"], cf["country"], cf["continent"], cf["latitude"], cf["longitude"]);
}

function fromHeader(value: string): ClientLocation {
  const parts = new Map(
    value.split(";").map((part) => {
      const [name = "", word = ""] = part.split("=");
      return [name.trim().toLowerCase(), word.trim()] as const;
    }),
  );
  return toLocation(
    parts.get("colo"),
    parts.get("country"),
    parts.get("continent"),
    parts.get("latitude"),
    parts.get("longitude"),
  );
}

/** `cf` gives coordinates as strings; anything that is not a finite number is dropped. */
function toLocation(
  colo: unknown,
  country: unknown,
  continent: unknown,
  latitude: unknown,
  longitude: unknown,
): ClientLocation {
  const [lat, lon] = [toDegrees(latitude), toDegrees(longitude)];
  return {
    ...(isWord(colo) ? { colo: colo.toUpperCase() } : {}),
    ...(isWord(country) ? { country: country.toUpperCase() } : {}),
    ...(isWord(continent) ? { continent: continent.toUpperCase() } : {}),
    ...(lat === undefined || lon === undefined ? {} : { latitude: lat, longitude: lon }),
  };
}

const isWord = (value: unknown): value is string => typeof value === "string" && value !== "";

function toDegrees(value: unknown): number | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const degrees = value === "" ? Number.NaN : Number(value);
  return Number.isFinite(degrees) ? degrees : undefined;
}
