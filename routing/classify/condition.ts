/**
 * Does a request meet a condition of the configuration? Every condition that is present must hold; an empty one always holds.
 */
import type { Condition, Purpose } from "../config/snapshot.ts";
import type { RequestFeatures } from "./classify.ts";

/** What conditions look at: the features, and the purpose once it is known (declared, or inferred for the routes). */
export interface Facts {
  readonly features: RequestFeatures;
  readonly purpose: Purpose | undefined;
}

/** One check a member; a new member of `Condition` does not compile until it has one. */
const CHECKS: {
  readonly [Key in keyof Required<Condition>]: (wanted: Required<Condition>[Key], facts: Facts) => boolean;
} = {
  purposes: (wanted, { purpose }) => purpose !== undefined && wanted.includes(purpose),
  hasText: (wanted, { features }) => wanted === (features.hasOverlays || features.hasQuotedText),
  automation: (wanted, { features }) => wanted === features.automation,
  exportFlag: (wanted, { features }) => wanted === features.exportFlag,
  hasImage: (wanted, { features }) => wanted === features.hasImage,
  hasMask: (wanted, { features }) => wanted === features.hasMask,
  minPixels: (wanted, { features }) => asksForSize(features) && pixelsOf(features) >= wanted,
  maxPixels: (wanted, { features }) => asksForSize(features) && pixelsOf(features) <= wanted,
  tenants: (wanted, { features }) => wanted.includes(features.tenant),
  countries: (wanted, { features }) => features.country !== undefined && wanted.includes(features.country),
};

/** Words for `galley-reason`, one a member: `has_text`. */
const WORDS: { readonly [Key in keyof Required<Condition>]: string } = {
  purposes: "purpose",
  hasText: "has_text",
  automation: "automation",
  exportFlag: "export_flag",
  hasImage: "has_image",
  hasMask: "has_mask",
  minPixels: "min_pixels",
  maxPixels: "max_pixels",
  tenants: "tenant",
  countries: "country",
};

/** A condition made ready: only the checks that it has. */
export type Test = (facts: Facts) => boolean;

/** Compiles a condition into the checks that it needs. `skip` names members that the caller has settled otherwise. */
export function toTest(condition: Condition, skip: readonly (keyof Condition)[] = []): Test {
  const checks = presentKeys(condition)
    .filter((key) => !skip.includes(key))
    .map((key) => checkOf(condition, key));
  return (facts) => checks.every((check) => check(facts));
}

/** What a condition asks, in words: `has_text+tenant`, or `default` where it asks nothing. */
export function describeCondition(condition: Condition): string {
  return (
    presentKeys(condition)
      .map((key) => WORDS[key])
      .join("+") || "default"
  );
}

function presentKeys(condition: Condition): (keyof Condition)[] {
  return (Object.keys(CHECKS) as (keyof Condition)[]).filter((key) => condition[key] !== undefined);
}

function checkOf<Key extends keyof Condition>(condition: Condition, key: Key): Test {
  const wanted = condition[key] as Required<Condition>[Key];
  return (facts) => CHECKS[key](wanted, facts);
}

function pixelsOf(features: RequestFeatures): number {
  return features.width * features.height;
}

/** No asked size (0 × 0): then no bound on the asked size can hold. */
function asksForSize(features: RequestFeatures): boolean {
  return pixelsOf(features) > 0;
}
