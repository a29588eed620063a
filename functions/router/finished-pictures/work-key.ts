/**
 * Names of works: the address under which a picture is kept, and the key under which equal requests find each other while it is drawn.
 */
import { type InlinePicture, type Leg, type PictureHashes, sha256Hex, workIdentity } from "../../../routing/index.ts";
import { toImageRequest } from "../decider.ts";
import type { Drawing } from "../make-picture.ts";

/** Names for one drawing. The pictures of the request are hashed once. */
export interface WorkKeys {
  /** Where the picture is kept that a leg makes, 64 hex digits. */
  addressOf(leg: Leg): Promise<string>;
  /** Equal for requests that may share one work: what the first leg makes, tried in the same way. */
  inFlight(address: string): string;
}

/** Makes them. */
export async function workKeys({ ask, decided, context, seed }: Drawing): Promise<WorkKeys> {
  const { plan, size, format } = decided;
  const { snapshot, admitted } = context;
  const request = toImageRequest(ask, { ...size, format, seed });
  const hashes = await hashesOf(ask);
  return {
    addressOf: (leg) =>
      sha256Hex(
        new TextEncoder().encode(workIdentity({ snapshot, plan, request, tenant: admitted.tenant, leg, hashes })),
      ),
    inFlight: (address) => [address, plan.policy.name, plan.policy.maxAttempts, plan.legs[0]?.place].join("/"),
  };
}

async function hashesOf({ image, moreImages, mask }: Drawing["ask"]): Promise<PictureHashes> {
  const hashOf = (picture: InlinePicture | undefined) => (picture === undefined ? undefined : sha256Hex(picture.bytes));
  const [imageHash, maskHash] = await Promise.all([hashOf(image), hashOf(mask)]);
  return {
    ...(imageHash === undefined ? {} : { image: imageHash }),
    ...(moreImages === undefined
      ? {}
      : { moreImages: await Promise.all(moreImages.map(({ bytes }) => sha256Hex(bytes))) }),
    ...(maskHash === undefined ? {} : { mask: maskHash }),
  };
}
