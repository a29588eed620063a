/** Faults that are answered without any work: an error in the dialect's own words, or a success that is none. */
import type { SimulatedEndpoint } from "./endpoint.ts";
import type { Reply, ServerDialect, Trouble } from "./exchange.ts";
import type { Fault, FaultKind } from "./faults.ts";

const TROUBLES: Partial<Record<FaultKind, Trouble>> = {
  quota: { kind: "quota-exhausted", message: "the quota of this key is used up" },
  unauthorized: { kind: "unauthorized", message: "the key is not accepted" },
  "500": { kind: "server-error", message: "the model crashed" },
  "503": { kind: "unavailable", message: "the service is unavailable" },
  "504": { kind: "timed-out", message: "the picture was not finished in time" },
  "model-gone": { kind: "model-gone", message: "the model does not exist" },
  refused: { kind: "refused", message: "the prompt was refused by the content policy" },
};

/** The answer that stands for this fault; `undefined` when the fault lets the work be done. */
export function answerOf(fault: Fault, dialect: ServerDialect, endpoint: SimulatedEndpoint): Reply | undefined {
  if (fault.kind === "429") {
    const retryAfterS = fault.retryAfterS ?? 2;
    return dialect.trouble({ kind: "rate-limited", message: "too many requests", retryAfterS }, endpoint);
  }
  const trouble = TROUBLES[fault.kind];
  if (trouble) return dialect.trouble(trouble, endpoint);
  if (fault.kind === "empty-data") return dialect.empty(endpoint);
  if (fault.kind === "garbage-json") {
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      body: '{"created":1763800000,"data":[{"b64_j',
    };
  }
  if (fault.kind === "html-200") {
    const body = "<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>";
    return { status: 200, headers: { "content-type": "text/html; charset=utf-8" }, body };
  }
  return undefined;
}

/** Another version than the pin, in the same form. */
export function wrongPin(pin: string): string {
  const at = pin.lastIndexOf("@");
  return at >= 0 ? `${pin.slice(0, at)}@000000000000` : `${pin}-drifted`;
}
