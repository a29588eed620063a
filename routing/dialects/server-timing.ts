/**
 * Durations out of a `server-timing` header (W3C Server Timing): `queue;dur=12.5, gpu;dur=840;desc="denoise"`.
 */

/** Duration of one metric, ms ≥ 0; `undefined` when it is not there or no number. */
export function serverTimingMs(header: string | null, metric: string): number | undefined {
  for (const entry of (header ?? "").split(",")) {
    const [name, ...parameters] = entry.split(";").map((part) => part.trim());
    if (name?.toLowerCase() !== metric) continue;
    for (const parameter of parameters) {
      const value = /^dur="?(\d+(?:\.\d+)?)"?$/i.exec(parameter)?.[1];
      if (value !== undefined) return Number(value);
    }
  }
  return undefined;
}
