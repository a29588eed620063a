/**
 * `GET /metrics`: Prometheus text of how every place stands, from the same views as the status.
 *
 * Labels are places, endpoints, models, policies and closed lists; no tenant, prompt or URL can get in, because a view holds none. Units as
 * Prometheus wants them: seconds, counts. Counters survive restarts of a scheduler with its checkpoint.
 */
import type { EndpointView, PoolView, SchedulerView } from "../../routing/index.ts";
import { schedulerPortsFor } from "./adapters/ports.ts";
import { type PlaceViews, placeViews } from "./adapters/region-schedulers/place-views.ts";
import type { RequestContext } from "./request-context.ts";

/** The media type of the text format. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** All metrics, now. */
export async function metricsText(context: RequestContext): Promise<string> {
  return renderMetrics(await placeViews(schedulerPortsFor(context)));
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [Labels, number];

interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  samples(seen: Seen): readonly Sample[];
}

interface Seen {
  readonly views: PlaceViews;
  readonly endpoints: readonly { readonly labels: Labels; readonly endpoint: EndpointView }[];
  readonly pools: readonly { readonly labels: Labels; readonly pool: PoolView }[];
  readonly places: readonly { readonly labels: Labels; readonly view: SchedulerView }[];
}

const STATES: readonly EndpointView["state"][] = ["closed", "open", "half-open", "slow-start", "out"];

const ofEndpoints = (value: (endpoint: EndpointView) => number) => (seen: Seen) =>
  seen.endpoints.map(({ labels, endpoint }): Sample => [labels, value(endpoint)]);

const ofPools = (value: (pool: PoolView) => number | undefined) => (seen: Seen) =>
  seen.pools.flatMap(({ labels, pool }): Sample[] => {
    const known = value(pool);
    return known === undefined ? [] : [[labels, known]];
  });

const seconds = (ms: number): number => ms / 1_000;

/** Counters of finished pictures that were looked for. */
const REUSE = "cache-";

const METRICS: readonly Metric[] = [
  {
    name: "galley_scheduler_up",
    type: "gauge",
    help: "1 where the place's scheduler answered in time.",
    samples: ({ views }) => [...views].map(([place, view]) => [{ place }, view === undefined ? 0 : 1]),
  },
  {
    name: "galley_attempts_total",
    type: "counter",
    help: "Attempts that ended, by outcome: ok or the reason of the failure.",
    samples: ({ endpoints }) =>
      endpoints.flatMap(({ labels, endpoint }) =>
        Object.entries(endpoint.outcomes).map(([outcome, count]): Sample => [{ ...labels, outcome }, count]),
      ),
  },
  {
    name: "galley_cost_usd_total",
    type: "counter",
    help: "What attempts cost, US dollars.",
    samples: ofEndpoints(({ costUsd }) => costUsd),
  },
  {
    name: "galley_scheduler_events_total",
    type: "counter",
    help: "What the scheduler did, by kind.",
    samples: ({ places }) =>
      places.flatMap(({ labels, view }) =>
        Object.entries(view.counters)
          .filter(([event]) => !event.startsWith(REUSE))
          .map(([event, count]): Sample => [{ ...labels, event }, count]),
      ),
  },
  {
    name: "galley_cache_requests_total",
    type: "counter",
    help: "Pictures of requests with a seed, by how they were had: hit, joined or miss; at the place of the first leg.",
    samples: ({ places }) =>
      places.flatMap(({ labels, view }) =>
        Object.entries(view.counters)
          .filter(([event]) => event.startsWith(REUSE))
          .map(([event, count]): Sample => [{ ...labels, result: event.slice(REUSE.length) }, count]),
      ),
  },
  {
    name: "galley_endpoint_state",
    type: "gauge",
    help: "1 for the state that the endpoint is in.",
    samples: ({ endpoints }) =>
      endpoints.flatMap(({ labels, endpoint }) =>
        STATES.map((state): Sample => [{ ...labels, state }, endpoint.state === state ? 1 : 0]),
      ),
  },
  {
    name: "galley_endpoint_out",
    type: "gauge",
    help: "1 while the endpoint is ejected or out, with why.",
    samples: ({ endpoints }) =>
      endpoints.flatMap(({ labels, endpoint: { reason } }): Sample[] =>
        reason === undefined ? [] : [[{ ...labels, reason }, 1]],
      ),
  },
  {
    name: "galley_endpoint_slots",
    type: "gauge",
    help: "Attempts that the endpoint may run at once now.",
    samples: ofEndpoints(({ usable }) => usable),
  },
  {
    name: "galley_endpoint_slots_in_use",
    type: "gauge",
    help: "Slots in use or lent.",
    samples: ofEndpoints(({ inUse }) => inUse),
  },
  {
    name: "galley_endpoint_weight",
    type: "gauge",
    help: "1, or less while the endpoint is much slower than its siblings.",
    samples: ofEndpoints(({ weight }) => weight),
  },
  {
    name: "galley_service_time_seconds",
    type: "gauge",
    help: "Service time of the pool's typical work, measured.",
    samples: ({ endpoints }) =>
      endpoints.flatMap(({ labels, endpoint }): Sample[] =>
        endpoint.source === "catalogue"
          ? []
          : [
              [{ ...labels, quantile: "0.5" }, seconds(endpoint.q50Ms)],
              [{ ...labels, quantile: "0.75" }, seconds(endpoint.q75Ms)],
              [{ ...labels, quantile: "0.95" }, seconds(endpoint.q95Ms)],
            ],
      ),
  },
  {
    name: "galley_prediction_bias_seconds",
    type: "gauge",
    help: "Learned error of the predicted completion: actual minus predicted.",
    samples: ofEndpoints(({ biasMs }) => seconds(biasMs)),
  },
  {
    name: "galley_pool_waiting",
    type: "gauge",
    help: "Requests that wait for a slot, by priority.",
    samples: ({ pools }) =>
      pools.flatMap(({ labels, pool }) =>
        Object.entries(pool.waiting).map(([priority, count]): Sample => [{ ...labels, priority }, count]),
      ),
  },
  {
    name: "galley_pool_predicted_wait_seconds",
    type: "gauge",
    help: "Wait of a typical preview that came now.",
    samples: ofPools(({ predictedWaitMs }) => (predictedWaitMs === undefined ? undefined : seconds(predictedWaitMs))),
  },
  {
    name: "galley_pool_predicted_completion_seconds",
    type: "gauge",
    help: "Upper quartile of the predicted completion of a typical preview that came now.",
    samples: ofPools(({ predictedQ75Ms }) => (predictedQ75Ms === undefined ? undefined : seconds(predictedQ75Ms))),
  },
  {
    name: "galley_pool_panic",
    type: "gauge",
    help: "1 while so many endpoints are ejected that ejection is ignored.",
    samples: ofPools(({ panic }) => (panic ? 1 : 0)),
  },
  {
    name: "galley_pool_downgraded",
    type: "gauge",
    help: "1 for each policy whose previews are sent to a lower tier.",
    samples: ({ pools }) =>
      pools.flatMap(({ labels, pool }) => pool.downgraded.map((policy): Sample => [{ ...labels, policy }, 1])),
  },
  {
    name: "galley_extra_attempts_budget",
    type: "gauge",
    help: "Attempts beyond the first that could be made now: all, and hedges among them.",
    samples: ({ places }) =>
      places.flatMap(({ labels, view: { budget } }): Sample[] => [
        [{ ...labels, kind: "extra" }, budget.extraMilli / 1_000],
        [{ ...labels, kind: "hedge" }, budget.hedgeMilli / 1_000],
      ]),
  },
  {
    name: "galley_leases",
    type: "gauge",
    help: "Slots that are taken by attempts.",
    samples: ({ places }) => places.map(({ labels, view }) => [labels, view.leases]),
  },
  {
    name: "galley_credits",
    type: "gauge",
    help: "Credits that isolates hold.",
    samples: ({ places }) => places.map(({ labels, view }) => [labels, view.credits]),
  },
];

/** The text of all metrics; one without samples is left out. */
export function renderMetrics(views: PlaceViews): string {
  const places = [...views].flatMap(([place, view]) => (view === undefined ? [] : [{ labels: { place }, view }]));
  const seen: Seen = {
    views,
    places,
    endpoints: places.flatMap(({ labels, view }) =>
      view.endpoints.map((endpoint) => ({
        labels: { ...labels, endpoint: endpoint.id, model: endpoint.model },
        endpoint,
      })),
    ),
    pools: places.flatMap(({ labels, view }) =>
      view.pools.map((pool) => ({ labels: { ...labels, model: pool.model }, pool })),
    ),
  };
  const blocks = METRICS.flatMap(({ name, type, help, samples }) => {
    const lines = samples(seen).map(([labels, value]) => `${name}{${labelText(labels)}} ${value}`);
    return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
  });
  return `${blocks.join("\n")}\n`;
}

/** Values escaped as the text format asks for. */
const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`))}"`)
    .join(",");
