/**
 * Models of the catalogue: their names in every spelling, and each entry with what it takes over from the model it is a variant of.
 */
import { modelSchema, type RawModel } from "./catalog-schema.ts";
import { didYouMean } from "./closest-name.ts";
import { foldName } from "./names.ts";
import type { Report } from "./report.ts";
import type { Capabilities, Model, ModelId, Parameters, Price } from "./snapshot.ts";

type Block = Readonly<Record<string, unknown>>;

/** Every spelling of every model, bad entries included. */
export interface ModelNames {
  /** Folded name → id. */
  readonly table: Readonly<Record<string, ModelId>>;
  /** The id that a name means, or `undefined`. */
  resolve(name: string): ModelId | undefined;
  /** A hint for a name that means nothing. */
  hint(name: string): string | undefined;
}

/** Words that a request's `model` may hold instead of a model. */
const RESERVED = new Set(["auto"]);

/** Collects all names; one that means two models is a problem where it stands the second time. */
export function nameModels(raw: Block, report: Report): ModelNames {
  const table = new Map<string, ModelId>();
  const spellings: string[] = [];
  const add = (id: ModelId, name: unknown, path: readonly (string | number)[], at: "key" | "value") => {
    if (typeof name !== "string") return;
    const folded = foldName(name);
    const owner = table.get(folded);
    const taken = owner !== undefined && owner !== id;
    if (taken || RESERVED.has(folded)) {
      const message = taken
        ? `\`${name}\` already means the model \`${owner}\``
        : `\`${name}\` has a meaning of its own`;
      const expected = "a name that means one model (case, spaces, `_`, `.` and `-` do not count)";
      report.error({ path, at, message, expected, hint: "remove it here, or rename the other one" });
      return;
    }
    table.set(folded, id);
    spellings.push(name);
  };
  for (const id of Object.keys(raw)) add(id, id, ["models", id], "key");
  for (const [id, entry] of Object.entries(raw)) {
    if (typeof entry !== "object" || entry === null) continue;
    const { name, aliases } = entry as { readonly name?: unknown; readonly aliases?: unknown };
    add(id, name, ["models", id, "name"], "value");
    if (!Array.isArray(aliases)) continue;
    for (const [index, alias] of aliases.entries()) add(id, alias, ["models", id, "aliases", index], "value");
  }
  return {
    table: Object.fromEntries(table),
    resolve: (name) => table.get(foldName(name)),
    hint: (name) => didYouMean(name, spellings),
  };
}

/** Every model that could be read, by id. */
export function buildModels(raw: Block, names: ModelNames, report: Report): Record<ModelId, Model> {
  const parsed = new Map<ModelId, Entry>();
  for (const [id, entry] of Object.entries(raw)) {
    const { fields, faults, whole } = report.parseBlock(modelSchema, entry, ["models", id]);
    const named = report.checkId(id, ["models", id]);
    parsed.set(id, { own: fields, faults, whole: named && whole !== undefined });
  }
  const models: Record<ModelId, Model> = {};
  for (const [id, entry] of parsed) {
    const model = buildModel(id, entry, { parsed, names, report });
    if (model !== undefined && entry.whole) models[id] = model;
  }
  for (const model of Object.values(models)) checkFaster(model, models, report);
  checkSuccessors(models, report);
  return models;
}

interface Entry {
  readonly own: RawModel;
  /** Members that were reported already: nothing more is said about them. */
  readonly faults: ReadonlySet<string>;
  readonly whole: boolean;
}

interface Surroundings {
  readonly parsed: ReadonlyMap<ModelId, Entry>;
  readonly names: ModelNames;
  readonly report: Report;
}

function buildModel(id: ModelId, { own, faults }: Entry, around: Surroundings): Model | undefined {
  const { report } = around;
  const base = own.variant_of === undefined ? undefined : baseOf(id, own.variant_of, around);
  // A base that is missing or bad has been reported; what it would have supplied is not missing here.
  if ((own.variant_of !== undefined && base === undefined) || faults.has("variant_of")) return undefined;
  const entry = base === undefined ? own : inherit(base, own);
  const faster = linkedModel(id, "faster", own.faster, around);
  const successor = linkedModel(id, "successor", own.successor, around);
  const { dialect, pin, expected, capabilities } = entry;
  const missing = (name: string, needed: string, hint: string) => {
    if (faults.has(name.replace(/\..*/, ""))) return;
    report.error({ path: ["models", id], at: "key", message: `\`${id}\` has no \`${name}\``, expected: needed, hint });
  };
  if (dialect === undefined)
    missing("dialect", "the protocol that its endpoints speak", "add `dialect: openai-images`");
  if (pin === undefined) missing("pin", "the exact version that its endpoints report", PIN_HINT);
  if (expected === undefined) {
    missing("expected", "a first guess of its service time", "add `expected: { p50: 2s, p95: 3s }`");
  } else if (expected.p50 <= 0 || expected.p95 < expected.p50) {
    const message = `its p50 of ${expected.p50} ms and p95 of ${expected.p95} ms cannot both hold`;
    report.error({
      path: ["models", id, "expected"],
      at: "key",
      message,
      expected: "0 < p50 ≤ p95",
      hint: "swap them?",
    });
  }
  if (capabilities?.max_pixels === undefined) {
    missing("capabilities.max_pixels", "the largest picture it draws", "add `capabilities: { max_pixels: 2MP }`");
  }
  const kind = entry.kind ?? "generate";
  const factor = capabilities?.upscale_factor;
  if (kind === "upscale" && factor !== 2 && factor !== 4) {
    missing("capabilities.upscale_factor", "`2x` or `4x`, because its kind is `upscale`", "add `upscale_factor: 4x`");
  }
  if (capabilities?.max_images !== undefined && capabilities.takes?.includes("image") !== true) {
    const message = `\`${id}\` takes no picture, so it takes no ${capabilities.max_images} either`;
    const hint = "add `image` to `takes`, or remove `max_images`";
    report.error({ path: ["models", id], at: "key", message, expected: "`image` among what it `takes`", hint });
  }
  if (dialect === undefined || pin === undefined || expected === undefined || capabilities?.max_pixels === undefined) {
    return undefined;
  }
  return {
    id,
    name: own.name ?? id,
    kind,
    dialect,
    pin,
    upstreamName: entry.upstream ?? pin,
    ...(faster === undefined ? {} : { faster }),
    ...(successor === undefined ? {} : { successor }),
    capabilities: toCapabilities(capabilities, capabilities.max_pixels),
    parameters: toParameters(entry.parameters),
    price: toPrice(entry.price),
    expected: { p50Ms: expected.p50, p95Ms: expected.p95 },
  };
}

const PIN_HINT =
  "add `pin:` with the served name or dated model id, like `sd3.5-medium@b940f670f0ed`: without it nobody notices when the model changes";

/** The entry that a variant builds on; a problem when there is none, or when it is a variant itself. */
function baseOf(id: ModelId, name: string, { parsed, names, report }: Surroundings): RawModel | undefined {
  const path = ["models", id, "variant_of"];
  const baseId = names.resolve(name);
  if (baseId === undefined) {
    report.error({ path, message: `no model \`${name}\``, expected: "a model of this file", hint: names.hint(name) });
    return undefined;
  }
  const base = parsed.get(baseId);
  if (baseId === id || base?.own.variant_of !== undefined) {
    const hint = "name the model that both are variants of";
    report.error({ path, message: `\`${baseId}\` is a variant itself`, expected: "a model that is no variant", hint });
    return undefined;
  }
  return base?.whole ? base.own : undefined;
}

/** A variant has all that the base has, but for what it says itself; links and names are its own. */
function inherit(base: RawModel, own: RawModel): RawModel {
  const extra = { ...base.parameters?.extra, ...own.parameters?.extra };
  return {
    ...base,
    ...own,
    capabilities: { ...base.capabilities, ...own.capabilities },
    parameters: { ...base.parameters, ...own.parameters, extra },
  };
}

function linkedModel(
  id: ModelId,
  key: "faster" | "successor",
  name: string | undefined,
  { names, report }: Surroundings,
): ModelId | undefined {
  if (name === undefined) return undefined;
  const linked = names.resolve(name);
  if (linked !== undefined && linked !== id) return linked;
  const message = linked === id ? `\`${id}\` names itself` : `no model \`${name}\``;
  report.error({ path: ["models", id, key], message, expected: "another model of this file", hint: names.hint(name) });
  return undefined;
}

function checkFaster(model: Model, models: Readonly<Record<ModelId, Model>>, report: Report): void {
  const faster = model.faster === undefined ? undefined : models[model.faster];
  if (faster === undefined || faster.expected.p50Ms < model.expected.p50Ms) return;
  report.error({
    path: ["models", model.id, "faster"],
    message: `\`${faster.id}\` (p50 ${faster.expected.p50Ms} ms) is not faster than \`${model.id}\` (p50 ${model.expected.p50Ms} ms)`,
    expected: "a variant with a smaller expected p50",
    hint: "correct `expected` of one of them, or name another variant",
  });
}

function checkSuccessors(models: Readonly<Record<ModelId, Model>>, report: Report): void {
  for (const model of Object.values(models)) {
    const seen = new Set<ModelId>([model.id]);
    let next = model.successor;
    while (next !== undefined && !seen.has(next)) {
      seen.add(next);
      next = models[next]?.successor;
    }
    if (next !== model.id) continue;
    const message = `its successors lead back to \`${model.id}\``;
    const hint = "remove the newest model's successor";
    report.error({ path: ["models", model.id, "successor"], message, expected: "a chain that ends", hint });
  }
}

function toCapabilities(raw: NonNullable<RawModel["capabilities"]>, maxPixels: number): Capabilities {
  const takes = new Set<string>(raw.takes);
  return {
    sizeMultiple: raw.size_multiple ?? 1,
    maxPixels,
    size: raw.size ?? "exact",
    seed: takes.has("seed"),
    negativePrompt: takes.has("negative_prompt"),
    steps: takes.has("steps"),
    guidance: takes.has("guidance"),
    image: takes.has("image"),
    mask: takes.has("mask"),
    ...(raw.max_images === undefined ? {} : { maxImages: raw.max_images }),
    formats: raw.formats ?? ["png"],
    ...(raw.upscale_factor === undefined ? {} : { upscaleFactor: raw.upscale_factor }),
  };
}

function toParameters(raw: RawModel["parameters"]): Parameters {
  return {
    ...(raw?.steps === undefined ? {} : { steps: raw.steps }),
    ...(raw?.guidance === undefined ? {} : { guidance: raw.guidance }),
    extra: raw?.extra ?? {},
  };
}

function toPrice(raw: RawModel["price"]): Price {
  return {
    ...(raw?.image === undefined ? {} : { perImageUsd: raw.image }),
    ...(raw?.megapixel === undefined ? {} : { perMegapixelUsd: raw.megapixel }),
    ...(raw?.gpu_second === undefined ? {} : { perGpuSecondUsd: raw.gpu_second }),
    ...(raw?.million_input_tokens === undefined ? {} : { perMillionInputTokensUsd: raw.million_input_tokens }),
    ...(raw?.million_output_tokens === undefined ? {} : { perMillionOutputTokensUsd: raw.million_output_tokens }),
  };
}
