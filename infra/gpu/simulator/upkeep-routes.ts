/**
 * What every simulated endpoint answers beside its own protocol: /health, /v1/models, /metrics. Hosted providers have none of these.
 */
import type { Exchange, Reply, Route } from "./exchange.ts";
import { toPrometheus } from "./metrics.ts";
import { json } from "./reply.ts";
import type { Station } from "./station.ts";

/** `isDown`: the 503 fault is on. */
export function upkeepRoutes(station: Station, isDown: () => boolean): readonly Route[] {
  const healthy = station.endpoint.flavor === "sglang" ? "ok" : "healthy";
  return [
    {
      method: "GET",
      path: /^\/health$/,
      work: false,
      open: true,
      handle: () => (isDown() ? json(503, { status: "unhealthy" }) : json(200, { status: healthy })),
    },
    { method: "GET", path: /^\/v1\/models$/, work: false, handle: models },
    { method: "GET", path: /^\/metrics$/, work: false, open: true, handle: () => metrics(station) },
  ];
}

/** Lists the pinned served name; under the wrong-pin fault, the wrong one. */
function models({ endpoint, reportedPin }: Exchange): Reply {
  const id = reportedPin === endpoint.pin ? endpoint.servedName : reportedPin;
  return json(200, {
    object: "list",
    data: [{ id, object: "model", created: 1_763_800_000, owned_by: "simulator", root: endpoint.pin, parent: null }],
  });
}

function metrics(station: Station): Reply {
  return {
    status: 200,
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    body: toPrometheus(station.endpoint, station.state()),
  };
}
