/**
 * Fallback chains: words for the usual steps, and models by name, with or without `+ upscale`.
 */
import { didYouMean } from "./closest-name.ts";
import type { Path } from "./problem.ts";
import { type RoutingSurroundings, resolveModel } from "./resolve-model.ts";
import type { FallbackStep } from "./snapshot.ts";

const WORDS = ["same-model", "sibling-region", "faster-model", "any-region", "cluster", "stale"] as const;
type Word = (typeof WORDS)[number];

const EXPECTED = `one of ${WORDS.map((word) => `\`${word}\``).join(", ")}, or a model of the catalogue, with or without \`+ upscale\``;

const UPSCALE = /\s*\+\s*upscale$/i;

/** The steps of a chain; a bad one is reported and left out. */
export function parseFallback(raw: readonly string[], path: Path, around: RoutingSurroundings): FallbackStep[] {
  const { catalog, report } = around;
  const steps: FallbackStep[] = [];
  const seen = new Set<string>();
  for (const [index, text] of raw.entries()) {
    const step = parseStep(text, [...path, index], around);
    if (step === undefined) continue;
    const key = JSON.stringify(step);
    if (seen.has(key)) {
      report.error({
        path: [...path, index],
        message: `\`${text}\` stands here twice`,
        expected: "each step once",
        hint: "remove it",
      });
      continue;
    }
    seen.add(key);
    if (steps.at(-1)?.step === "stale") {
      const message = `\`${text}\` is never reached: \`stale\` needs no endpoint and always ends the chain`;
      report.error({
        path: [...path, index],
        message,
        expected: "`stale` as the last step",
        hint: "move `stale` to the end",
      });
    }
    if (step.step === "cluster" && catalog?.clusterIds.size === 0) {
      const hint = "add one under `clusters`, or remove the step";
      report.error({ path: [...path, index], message: "the catalogue has no cluster", expected: "a cluster", hint });
    }
    steps.push(step);
  }
  return steps;
}

function parseStep(text: string, path: Path, around: RoutingSurroundings): FallbackStep | undefined {
  const { catalog, report } = around;
  if (isWord(text)) return { step: text };
  const upscale = UPSCALE.test(text);
  const name = text.replace(UPSCALE, "").trim();
  if (catalog !== undefined && catalog.modelNames.resolve(name) === undefined) {
    const hint = didYouMean(name, WORDS) ?? catalog.modelNames.hint(name);
    report.error({ path, message: `no step and no model is called \`${name}\``, expected: EXPECTED, hint });
    return undefined;
  }
  const model = resolveModel(name, path, around);
  if (model === undefined) return undefined;
  if (upscale && !Object.values(catalog?.models ?? {}).some(({ kind }) => kind === "upscale")) {
    const hint = "add a model with `kind: upscale` to the catalogue, or leave `+ upscale` out";
    report.error({ path, message: "nothing can upscale", expected: "an upscaler in the catalogue", hint });
  }
  return { step: "model", model, upscale };
}

function isWord(text: string): text is Word {
  return (WORDS as readonly string[]).includes(text);
}
