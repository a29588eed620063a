/** The headers that stand on every answer of a call that draws, and the one of the request that decides about finished pictures. */
import type { Answer, Parameter } from "./operation.ts";

/** What an answer says of how it came about. */
export const PICTURE_HEADERS: NonNullable<Answer["headers"]> = {
  "galley-request-id": "This request.",
  "galley-config": "The version of the configuration that served it.",
  "galley-route": "The route that matched.",
  "galley-reason": "Why: how the purpose was found, and which rules matched.",
  "galley-arm": "The arm of the canary that runs on the route; absent where none does.",
  "galley-model": "The model and the version that the endpoint was verified to serve, or `…@unverified`.",
  "galley-region": "Where it was drawn.",
  "galley-endpoint": "The endpoint that drew it, an id.",
  "galley-attempts": "Every attempt: endpoint, outcome, ms, leg. Absent where nothing was tried.",
  "galley-degraded": "What was given up and why: `region`, `model` or `stale`. Absent where nothing was.",
  "galley-seed": "The seed drawn with: asked, derived or drawn by lot.",
  "galley-cost-usd":
    "The cost of all attempts of this answer, US dollars. 0 for a picture that was there or that another answer paid for.",
  "galley-cache":
    "`miss`: drawn for this request; `joined`: drawn for an equal one at the same time, or for an earlier try of this one; `hit`: kept from before.",
  "galley-warning": "What had no effect.",
  age: "With `galley-cache: hit`: seconds since the picture was finished.",
  "server-timing": "`total`, and what the endpoint says of its `queue` and `gpu`, ms.",
};

/** Takes effect for requests with a seed, asked or derived. */
export const CACHE_CONTROL: Parameter = {
  name: "cache-control",
  in: "header",
  description:
    "For requests with a seed. `no-store`: no finished picture is looked up, joined or kept. `no-cache`: drawn anew, and kept. " +
    "`max-age=60`: none that was finished more than 60 s ago.",
};
