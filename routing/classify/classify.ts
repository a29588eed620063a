/**
 * What a request is for, and which route serves it, with the reason.
 */
import type { ModelId, PolicyName, Purpose, RouteName } from "../config/snapshot.ts";

/** What of a request decides its route. Holds no prompt: this is also what recordings keep. */
export interface RequestFeatures {
  /** As declared by the caller. */
  readonly purpose?: Purpose;
  /** Catalogue id of a model that the caller asked for by name. */
  readonly model?: ModelId;
  /** Asked width and height, px; 0 × 0 when the caller asked for none: then no bound on the size holds. */
  readonly width: number;
  readonly height: number;
  /** `text` overlays are present. */
  readonly hasOverlays: boolean;
  /** The prompt asks for a quoted string to be rendered (`findQuotedText`). */
  readonly hasQuotedText: boolean;
  readonly hasImage: boolean;
  readonly hasMask: boolean;
  readonly automation: boolean;
  readonly exportFlag: boolean;
  readonly tenant: string;
  /** ISO 3166 alpha-2, where known. */
  readonly country?: string;
}

/** Where the request goes, and why. */
export interface Classified {
  readonly purpose: Purpose;
  /** Route name, or the cluster's id where the default route is a cluster. */
  readonly route: RouteName;
  readonly model: ModelId;
  readonly policy: PolicyName;
  /** Set when the default route is a cluster: legs run there. */
  readonly cluster?: string;
  /**
   * For `galley-reason`, ASCII: how the purpose was found; what matched; `model requested` where the caller named the model.
   * `declared preview; routes[1]`, `inferred has_text; infer[0]; routes[0]`, `declared poster; default; gpu-cluster`.
   */
  readonly reason: string;
}
