/** Prometheus text of one endpoint, under the names that vLLM-Omni uses (vllm_omni/metrics/definitions.py). */
import type { SimulatedEndpoint } from "./endpoint.ts";
import type { StationState } from "./station.ts";

/** The text that a scrape of /metrics gets. */
export function toPrometheus(endpoint: SimulatedEndpoint, state: StationState): string {
  const label = `model_name="${endpoint.servedName.replace(/[\\"\n]/g, "_")}"`;
  const rows: readonly (readonly [name: string, type: "gauge" | "counter", help: string, values: readonly string[]])[] =
    [
      ["vllm_omni:num_requests_running", "gauge", "Requests on the GPU.", [`{${label}} ${state.running}`]],
      ["vllm_omni:num_requests_waiting", "gauge", "Requests in the queue.", [`{${label}} ${state.waiting}`]],
      [
        "vllm_omni:stage_inflight_requests",
        "gauge",
        "Requests in the stage.",
        [`{${label},stage="0"} ${state.running}`],
      ],
      [
        "vllm_omni:requests_success_total",
        "counter",
        "Requests by how they ended.",
        [
          `{${label},finished_reason="stop"} ${state.completed}`,
          `{${label},finished_reason="abort"} ${state.dropped + state.stopped + state.abandoned}`,
        ],
      ],
      ["galley_sim_gpu_seconds_total", "counter", "Simulated GPU time.", [`{${label}} ${state.gpuSeconds.toFixed(3)}`]],
      [
        "galley_sim_turned_away_total",
        "counter",
        "Requests beyond the queue's cap.",
        [`{${label}} ${state.turnedAway}`],
      ],
    ];
  return rows
    .map(
      ([name, type, help, values]) =>
        `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${values.map((value) => `${name}${value}\n`).join("")}`,
    )
    .join("");
}
