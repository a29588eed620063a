/**
 * Endpoints of the catalogue: each serves one pinned model at one place.
 */
import type { ModelNames } from "./catalog-models.ts";
import { AI_BINDING_URL, endpointSchema, type RawEndpoint } from "./catalog-schema.ts";
import { didYouMean } from "./closest-name.ts";
import type { Report } from "./report.ts";
import type { DialectName, Endpoint, EndpointId, Model, ModelId, PlaceId } from "./snapshot.ts";

interface Surroundings {
  readonly models: Readonly<Record<ModelId, Model>>;
  readonly modelNames: ModelNames;
  readonly regionIds: ReadonlySet<PlaceId>;
  readonly clusterIds: ReadonlySet<PlaceId>;
  readonly report: Report;
}

/** Providers that answer nobody without a key. */
const NEEDS_KEY: ReadonlySet<DialectName> = new Set(["gemini", "ideogram", "stability", "workers-ai"]);

/** What could be read of the endpoints. */
export interface BuiltEndpoints {
  readonly endpoints: Record<EndpointId, Endpoint>;
  /** Which model the file means to serve where, bad entries included; `undefined` when an entry does not say clearly. */
  readonly intended: readonly Intent[] | undefined;
}

interface Intent {
  readonly model: ModelId;
  readonly place: PlaceId;
}

/** Reads every endpoint. */
export function buildEndpoints(raw: Readonly<Record<string, unknown>>, around: Surroundings): BuiltEndpoints {
  const { report, models, modelNames } = around;
  const endpoints: Record<EndpointId, Endpoint> = {};
  const intended: Intent[] = [];
  let clear = true;
  for (const [id, entry] of Object.entries(raw)) {
    const path = ["endpoints", id];
    const { fields, faults, whole } = report.parseBlock(endpointSchema, entry, path);
    const named = report.checkId(id, path);
    const place = faults.has("region") || faults.has("cluster") ? undefined : placeOf(id, fields, around);
    const model = fields.model === undefined ? undefined : modelNames.resolve(fields.model);
    if (fields.model !== undefined && model === undefined) {
      const message = `no model \`${fields.model}\``;
      const hint = modelNames.hint(fields.model);
      report.error({ path: [...path, "model"], message, expected: "a model of this file", hint });
    }
    clear &&= model !== undefined && place !== undefined;
    if (model === undefined) continue;
    if (place !== undefined) intended.push({ model, place });
    const served = models[model];
    // A model with problems has been reported; nothing more can be said about its endpoints.
    if (served === undefined) continue;
    checkPin(id, fields.pin, served, report);
    if (whole === undefined || place === undefined || !named) continue;
    const endpoint = toEndpoint(id, whole, served, place);
    checkDialect(endpoint, report);
    endpoints[id] = endpoint;
  }
  checkTwins(Object.values(endpoints), report);
  return { endpoints, intended: clear ? intended : undefined };
}

function checkPin(id: EndpointId, pin: string | undefined, model: Model, report: Report): void {
  if (pin === undefined || pin === model.pin) return;
  report.error({
    path: ["endpoints", id, "pin"],
    message: `\`${pin}\` is not what \`${model.id}\` is pinned to`,
    expected: `\`${model.pin}\``,
    hint: "correct it, or make another version a model of its own (`variant_of`)",
  });
}

function toEndpoint(id: EndpointId, raw: RawEndpoint, model: Model, place: PlaceId): Endpoint {
  return {
    id,
    model: model.id,
    place,
    url: raw.url,
    dialect: raw.dialect ?? model.dialect,
    ...(raw.flavor === undefined ? {} : { flavor: raw.flavor }),
    concurrency: raw.concurrency,
    ...(raw.secret === undefined ? {} : { secret: raw.secret }),
    honoursCancel: raw.honours_cancel ?? false,
    failureDomain: raw.failure_domain ?? place,
    pictureHosts: raw.picture_hosts ?? [],
  };
}

function placeOf(id: EndpointId, raw: Partial<RawEndpoint>, around: Surroundings): PlaceId | undefined {
  const { regionIds, clusterIds, report } = around;
  if ((raw.region === undefined) === (raw.cluster === undefined)) {
    const message = raw.region === undefined ? `\`${id}\` is nowhere` : `\`${id}\` is in two places`;
    const expected = "one of `region` and `cluster`";
    const hint = raw.region === undefined ? "add `region: …`" : "remove one of them";
    report.error({ path: ["endpoints", id], at: "key", message, expected, hint });
    return undefined;
  }
  const [kind, place, known] =
    raw.region !== undefined ? ["region", raw.region, regionIds] : ["cluster", raw.cluster ?? "", clusterIds];
  if (known.has(place)) return place;
  report.error({
    path: ["endpoints", id, kind],
    message: `no ${kind} \`${place}\``,
    expected: `a ${kind} of this file`,
    hint:
      didYouMean(place, known) ??
      (kind === "region" && clusterIds.has(place) ? `write \`cluster: ${place}\`` : undefined),
  });
  return undefined;
}

function checkDialect(endpoint: Endpoint, report: Report): void {
  const path = ["endpoints", endpoint.id];
  const bound = endpoint.url === AI_BINDING_URL;
  if (bound && endpoint.dialect !== "workers-ai") {
    const message = `\`${AI_BINDING_URL}\` does not go with the dialect \`${endpoint.dialect}\``;
    const expected = "an https URL: the binding serves `workers-ai` only";
    report.error({ path: [...path, "url"], message, expected, hint: "write the server's address" });
  }
  if (!bound && isHosted(endpoint) && endpoint.secret === undefined) {
    const message = `\`${endpoint.id}\` has no \`secret\``;
    const expected = `the name of the Worker secret with the key for ${endpoint.dialect}`;
    report.error({ path, at: "key", message, expected, hint: "add `secret: …_API_KEY`" });
  }
  if (endpoint.dialect === "ideogram" && endpoint.pictureHosts.length === 0) {
    const message = `\`${endpoint.id}\` has no \`picture_hosts\``;
    const expected = "the hosts that its picture URLs may point to";
    report.error({ path, at: "key", message, expected, hint: "add `picture_hosts: [ideogram.ai]`" });
  }
  if (endpoint.flavor !== undefined && endpoint.dialect !== "openai-images") {
    const message = `\`${endpoint.flavor}\` is no flavour of \`${endpoint.dialect}\``;
    report.error({
      path: [...path, "flavor"],
      message,
      expected: "`flavor` only with `openai-images`",
      hint: "remove it",
    });
  }
  const { concurrency } = endpoint;
  if (concurrency.kind === "adaptive" && concurrency.initial > concurrency.max) {
    const message = `it starts with ${concurrency.initial} slots and has ${concurrency.max} at most`;
    report.error({ path: [...path, "concurrency"], at: "key", message, expected: "start ≤ max", hint: "swap them?" });
  }
}

/** Plain http is loopback only, so a simulator. */
function isHosted({ dialect, url }: Endpoint): boolean {
  return NEEDS_KEY.has(dialect) && !url.startsWith("http://");
}

/** The same URL twice: an error for the same model; for two models on counted slots a warning, because each counts them all. */
function checkTwins(endpoints: readonly Endpoint[], report: Report): void {
  const byUrl = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) byUrl.set(endpoint.url, [...(byUrl.get(endpoint.url) ?? []), endpoint]);
  for (const group of byUrl.values()) {
    for (const [index, endpoint] of group.entries()) {
      const former = group.slice(0, index);
      const twin = former.find(({ model, place }) => model === endpoint.model && place === endpoint.place);
      const path = ["endpoints", endpoint.id, "url"];
      if (twin !== undefined) {
        const message = `\`${twin.id}\` is the same model at the same URL`;
        report.error({ path, message, expected: "one endpoint for each", hint: "give the one entry more slots" });
        continue;
      }
      const sharing = former.find(({ concurrency }) => concurrency.kind === "known");
      if (sharing === undefined || endpoint.concurrency.kind !== "known") continue;
      const message = `\`${sharing.id}\` counts the slots of this URL too`;
      const hint =
        "the GPUs may get the sum of both: give each model its own server, or share the slots out between the two";
      report.warn({ path, message, expected: "slots that are counted once", hint });
    }
  }
}
