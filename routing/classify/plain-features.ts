/** The features of a request that says nothing but its prompt: what tools and tests begin from. */
import type { RequestFeatures } from "./classify.ts";

/** Of the tenant of local development. */
export const PLAIN_FEATURES: RequestFeatures = {
  width: 0,
  height: 0,
  hasOverlays: false,
  hasQuotedText: false,
  hasImage: false,
  hasMask: false,
  automation: false,
  exportFlag: false,
  tenant: "local",
};
