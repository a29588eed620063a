/**
 * Conditions of routes and rules: from their YAML form, and when one includes another.
 */
import type { Path } from "./problem.ts";
import type { Report } from "./report.ts";
import type { RawCondition } from "./routing-schema.ts";
import type { Condition } from "./snapshot.ts";

/** The compiled form. One that can never hold is a problem. */
export function toCondition(raw: RawCondition, path: Path, report: Report): Condition {
  const { min_pixels: minPixels, max_pixels: maxPixels } = raw;
  if (minPixels !== undefined && maxPixels !== undefined && minPixels > maxPixels) {
    const message = `nothing has ${minPixels} px or more and ${maxPixels} px or less`;
    report.error({ path: [...path, "min_pixels"], message, expected: "min_pixels ≤ max_pixels", hint: "swap them?" });
  }
  return {
    ...(raw.purpose === undefined ? {} : { purposes: raw.purpose }),
    ...(raw.has_text === undefined ? {} : { hasText: raw.has_text }),
    ...(raw.automation === undefined ? {} : { automation: raw.automation }),
    ...(raw.export === undefined ? {} : { exportFlag: raw.export }),
    ...(raw.has_image === undefined ? {} : { hasImage: raw.has_image }),
    ...(raw.has_mask === undefined ? {} : { hasMask: raw.has_mask }),
    ...(minPixels === undefined ? {} : { minPixels }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
    ...(raw.tenants === undefined ? {} : { tenants: raw.tenants }),
    ...(raw.countries === undefined ? {} : { countries: raw.countries }),
  };
}

/** Does `wide` hold whenever `narrow` does? Then a rule with `narrow` after one with `wide` is never reached. */
export function includes(wide: Condition, narrow: Condition): boolean {
  return (
    covers(wide.purposes, narrow.purposes) &&
    covers(wide.tenants, narrow.tenants) &&
    covers(wide.countries, narrow.countries) &&
    FLAGS.every((name) => wide[name] === undefined || wide[name] === narrow[name]) &&
    (wide.minPixels === undefined || (narrow.minPixels ?? 0) >= wide.minPixels) &&
    (wide.maxPixels === undefined || (narrow.maxPixels ?? Number.POSITIVE_INFINITY) <= wide.maxPixels)
  );
}

const FLAGS = ["hasText", "automation", "exportFlag", "hasImage", "hasMask"] as const;

function covers(wide: readonly string[] | undefined, narrow: readonly string[] | undefined): boolean {
  if (wide === undefined) return true;
  return narrow?.every((item) => wide.includes(item)) ?? false;
}
