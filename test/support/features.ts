/** Request features for tests: a plain request of an editor that says nothing but its prompt. */
import type { RequestFeatures } from "../../routing/classify/classify.ts";

export function someFeatures(parts: Partial<RequestFeatures> = {}): RequestFeatures {
  return {
    width: 0,
    height: 0,
    hasOverlays: false,
    hasQuotedText: false,
    hasImage: false,
    hasMask: false,
    automation: false,
    exportFlag: false,
    tenant: "local",
    ...parts,
  };
}
