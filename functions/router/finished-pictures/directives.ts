/**
 * What a request's `cache-control` says of finished pictures. Only words that can be meant here count (RFC 9111 §5.2.1); others are let pass.
 */

/** How a request may be served. */
export interface Directives {
  /** `false`: nothing of it is looked up, joined or kept. */
  readonly mayKeep: boolean;
  /** Oldest picture that it takes, ms; 0: a fresh one. Absent: as old as the policy allows. */
  readonly maxAgeMs?: number;
}

const ANYTHING: Directives = { mayKeep: true };

/** Reads the header; `null`: the request has none. */
export function parseDirectives(header: string | null): Directives {
  if (header === null) return ANYTHING;
  const words = header
    .toLowerCase()
    .split(",")
    .map((word) => word.trim());
  if (words.includes("no-store")) return { mayKeep: false };
  if (words.includes("no-cache")) return { mayKeep: true, maxAgeMs: 0 };
  const seconds = words.map((word) => /^max-age="?(\d{1,9})"?$/.exec(word)?.[1]).find((found) => found !== undefined);
  return seconds === undefined ? ANYTHING : { mayKeep: true, maxAgeMs: Number(seconds) * 1_000 };
}
