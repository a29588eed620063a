/**
 * With GALLEY_RECORD=1 in local mode: one JSON line a request into the log, for `galley config replay`.
 *
 * Features only: never a prompt, a picture or a session. Schema 1; `infra/cli/config-diff/recording.ts` reads it.
 */
import { type DecideInput, featuresOf, type Snapshot } from "../../routing/index.ts";
import { type Env, isLocal } from "./environment.ts";

const SCHEMA = 1;

/** Requests that are written down already, by their location: each has one of its own, also where its context is copied. */
const written = new WeakSet<object>();

/** Writes a request down, once. */
export function recordFeatures(env: Env, snapshot: Snapshot, input: DecideInput): void {
  if (env.GALLEY_RECORD !== "1" || !isLocal(env) || written.has(input.location)) return;
  written.add(input.location);
  const features = featuresOf(snapshot, input);
  if (!features.ok) return;
  const { steps, deadlineMs, format } = input.ask;
  const { colo, country, continent, latitude, longitude } = input.location;
  // A degree is some hundred kilometres: enough to find the nearest region, too little to find a person.
  const rough = (degrees: number | undefined) => (degrees === undefined ? undefined : Math.round(degrees));
  console.log(
    JSON.stringify({
      event: "request-features",
      schema: SCHEMA,
      at_ms: Date.now(),
      features: features.value,
      location: { colo, country, continent, latitude: rough(latitude), longitude: rough(longitude) },
      steps,
      deadline_ms: deadlineMs,
      format,
    }),
  );
}
