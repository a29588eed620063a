/** Conditions and fallback steps as people say them. */
import type { Condition } from "../../../routing/authoring.ts";

/** `preview or compositing with text`; `everything` without conditions. */
export function conditionWords(condition: Condition): string {
  const { purposes, minPixels, maxPixels, tenants, countries } = condition;
  const signals = [
    [condition.hasText, "with text", "without text"],
    [condition.automation, "from automation", "from people"],
    [condition.exportFlag, "flagged as export", "not flagged as export"],
    [condition.hasImage, "with a picture", "without a picture"],
    [condition.hasMask, "with a mask", "without a mask"],
  ] as const;
  const words = [
    ...(purposes === undefined ? [] : [purposes.join(" or ")]),
    ...signals.flatMap(([value, yes, no]) => (value === undefined ? [] : [value ? yes : no])),
    ...(minPixels === undefined ? [] : [`from ${megapixels(minPixels)}`]),
    ...(maxPixels === undefined ? [] : [`up to ${megapixels(maxPixels)}`]),
    ...(tenants === undefined ? [] : [`of ${tenants.join(" or ")}`]),
    ...(countries === undefined ? [] : [`in ${countries.join(" or ")}`]),
  ];
  return words.length === 0 ? "everything" : words.join(" ");
}

/** `sibling-region → faster-model → sdxl-lightning`; `none` for no step. */
export function stepWords(steps: unknown): string {
  if (!Array.isArray(steps) || steps.length === 0) return "none";
  return steps
    .map((one: { readonly step: string; readonly model?: string; readonly upscale?: boolean }) =>
      one.step === "model" ? `${one.model}${one.upscale ? " + upscale" : ""}` : one.step,
    )
    .join(" → ");
}

const megapixels = (pixels: number): string => `${Number((pixels / 1e6).toFixed(2))} MP`;
