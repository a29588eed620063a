/**
 * Endpoints of the catalogue: each serves one pinned model at one place.
 */
import type { ModelNames } from "./catalog-models.ts";
import { AI_BINDING_URL, endpointSchema, type RawEndpoint } from "./catalog-schema.ts";
import { didYouMean } from "./closest-name.ts";
import { id as idSchema } from "./fields.ts";
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
const NEEDS_KEY: ReadonlySet<DialectName> = new Set(["gemini", "ideogram", "stability"]);

/** Every endpoint that could be read, by id. */
export function buildEndpoints(
  raw: Readonly<Record<string, unknown>>,
  around: Surroundings,
): Record<EndpointId, Endpoint> {
  const { report } = around;
  const endpoints: Record<EndpointId, Endpoint> = {};
  for (const [id, entry] of Object.entries(raw)) {
    const path = ["endpoints", id];
    const parsed = report.parse(endpointSchema, entry, path);
    if (report.parse(idSchema, id, path) === undefined || parsed === undefined) continue;
    const endpoint = buildEndpoint(id, parsed, around);
    if (endpoint !== undefined) endpoints[id] = endpoint;
  }
  checkTwins(Object.values(endpoints), report);
  return endpoints;
}

function buildEndpoint(id: EndpointId, raw: RawEndpoint, around: Surroundings): Endpoint | undefined {
  const { models, modelNames, report } = around;
  const path = ["endpoints", id];
  const place = placeOf(id, raw, around);
  const modelId = modelNames.resolve(raw.model);
  if (modelId === undefined) {
    const hint = modelNames.hint(raw.model);
    report.error({
      path: [...path, "model"],
      message: `no model \`${raw.model}\``,
      expected: "a model of this file",
      hint,
    });
  }
  const model = modelId === undefined ? undefined : models[modelId];
  // A model with problems has been reported; nothing can be said about its endpoints.
  if (place === undefined || model === undefined) return undefined;
  if (raw.pin !== undefined && raw.pin !== model.pin) {
    report.error({
      path: [...path, "pin"],
      message: `\`${raw.pin}\` is not what \`${model.id}\` is pinned to`,
      expected: `\`${model.pin}\``,
      hint: "correct it, or make another version a model of its own (`variant_of`)",
    });
  }
  const endpoint: Endpoint = {
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
  checkDialect(endpoint, report);
  return endpoint;
}

function placeOf(id: EndpointId, raw: RawEndpoint, around: Surroundings): PlaceId | undefined {
  const { regionIds, clusterIds, report } = around;
  if ((raw.region === undefined) === (raw.cluster === undefined)) {
    const message = raw.region === undefined ? `\`${id}\` is nowhere` : `\`${id}\` is in two places`;
    const expected = "one of `region` and `cluster`";
    report.error({ path: ["endpoints", id], at: "key", message, expected, hint: "say where it stands" });
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
  const local = endpoint.url.startsWith("http://");
  const bound = endpoint.url === AI_BINDING_URL;
  if (bound !== (endpoint.dialect === "workers-ai")) {
    const message = `\`${endpoint.url}\` does not go with the dialect \`${endpoint.dialect}\``;
    const expected = `\`${AI_BINDING_URL}\` with the dialect \`workers-ai\`, and only there`;
    report.error({ path: [...path, "url"], message, expected });
  }
  if (NEEDS_KEY.has(endpoint.dialect) && endpoint.secret === undefined && !local) {
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
