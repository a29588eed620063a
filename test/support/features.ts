/** Request features for tests: a plain request of an editor that says nothing but its prompt. */
import type { RequestFeatures } from "../../routing/classify/classify.ts";
import { PLAIN_FEATURES } from "../../routing/classify/plain-features.ts";

export const someFeatures = (parts: Partial<RequestFeatures> = {}): RequestFeatures => ({
  ...PLAIN_FEATURES,
  ...parts,
});
