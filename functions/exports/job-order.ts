/**
 * What a job was asked for, as it is written down: the ask without its pictures' bytes, and what else a run needs of the request.
 */
import type { Ask, ClientLocation, JobTerms, PictureFormat, PolicyName, RouteArms } from "../../routing/index.ts";

/** A reference picture that was put into the store before the job was taken. */
export interface KeptPicture {
  readonly key: string;
  readonly format: PictureFormat;
}

export interface JobOrder {
  readonly terms: JobTerms;
  /** Size, format and seed are settled, so that every run draws the same picture. */
  readonly ask: Omit<Ask, "image" | "moreImages" | "mask" | "deadlineMs">;
  readonly image?: KeptPicture;
  readonly moreImages?: readonly KeptPicture[];
  readonly mask?: KeptPicture;
  readonly seed: number;
  /** px, as asked: what the picture will have, whatever sizes its model draws. */
  readonly width: number;
  readonly height: number;
  readonly automation: boolean;
  readonly location: ClientLocation;
  readonly requestId: string;
  readonly traceparent: string;
  /** Why this route, for people. */
  readonly route: string;
  readonly reason: string;
  readonly model: string;
  readonly policy: PolicyName;
  readonly config: string;
  /** Drawn at the submission; absent where no experiment ran on the route. */
  readonly arms?: RouteArms;
  /** Scheme and host that the request came to; links are built on it. */
  readonly origin: string;
  readonly callbackUrl?: string;
  /** How long the record and the picture are kept after the end, ms. */
  readonly keepMs: number;
}
