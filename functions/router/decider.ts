/** The decider of a snapshot, built once an isolate, and what of an ask goes upstream. */
import { type Ask, createDecider, type Decider, type ImageRequest, type Snapshot } from "../../routing/index.ts";

/** Look-up tables of a snapshot, built once an isolate. */
const deciders = new WeakMap<Snapshot, Decider>();

/** The decider of a snapshot. */
export function deciderOf(snapshot: Snapshot): Decider {
  let decider = deciders.get(snapshot);
  if (decider === undefined) {
    decider = createDecider(snapshot);
    deciders.set(snapshot, decider);
  }
  return decider;
}

/** Only what changes the pixels. */
export function toImageRequest(
  { prompt, negativePrompt, steps, guidance, text, image, moreImages, mask }: Ask,
  chosen: Pick<ImageRequest, "width" | "height" | "format" | "seed">,
): ImageRequest {
  return {
    prompt,
    text,
    ...chosen,
    ...(negativePrompt === undefined ? {} : { negativePrompt }),
    ...(steps === undefined ? {} : { steps }),
    ...(guidance === undefined ? {} : { guidance }),
    ...(image === undefined ? {} : { image }),
    ...(moreImages === undefined ? {} : { moreImages }),
    ...(mask === undefined ? {} : { mask }),
  };
}
