/**
 * Reads the platform's words about a client's place (`request.cf`): every field may be missing or odd, and then it is left out.
 *
 * Never fails: a location that nothing is known of is an empty one.
 */
import type { ClientLocation } from "./client-location.ts";

const CONTINENTS: readonly string[] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];

/** Cloudflare's country for "unknown" and for Tor: neither is a place. */
const NO_COUNTRIES: readonly string[] = ["XX", "T1"];

/** Degrees as the platform writes them: `50.11550`. Rules out the empty string, which `Number` takes for the equator. */
const DEGREES = /^[+-]?\d{1,3}(?:\.\d+)?$/;

/** What is usable of `request.cf` (platform.md B.1: latitude and longitude are strings there; numbers are taken too). */
export function parseClientLocation(cf: unknown): ClientLocation {
  if (typeof cf !== "object" || cf === null) return {};
  const fields = cf as Readonly<Record<string, unknown>>;
  const colo = code(fields.colo, /^[A-Z]{3}$/);
  const country = code(fields.country, /^[A-Z]{2}$/);
  const continent = code(fields.continent, /^[A-Z]{2}$/);
  const latitude = degrees(fields.latitude, 90);
  const longitude = degrees(fields.longitude, 180);
  return {
    ...(colo !== undefined && { colo }),
    ...(country !== undefined && !NO_COUNTRIES.includes(country) && { country }),
    ...(continent !== undefined && CONTINENTS.includes(continent) && { continent }),
    ...(latitude !== undefined && longitude !== undefined && { latitude, longitude }),
  };
}

function code(raw: unknown, form: RegExp): string | undefined {
  if (typeof raw !== "string") return undefined;
  const upper = raw.trim().toUpperCase();
  return form.test(upper) ? upper : undefined;
}

function degrees(raw: unknown, limit: number): number | undefined {
  const value = typeof raw === "string" && DEGREES.test(raw.trim()) ? Number(raw) : raw;
  return typeof value === "number" && Math.abs(value) <= limit ? value : undefined;
}
