/**
 * Rules of inference: the file's own, or the built-in ones as far as a route serves what they infer.
 */
import { includes, toCondition } from "./conditions.ts";
import { DEFAULT_INFER } from "./policy-defaults.ts";
import type { Report } from "./report.ts";
import { inferSchema } from "./routing-schema.ts";
import type { InferRule, Route } from "./snapshot.ts";

/** In order of matching; the last one always holds, or that is a problem. */
export function buildInfer(raw: readonly unknown[] | undefined, routes: readonly Route[], report: Report): InferRule[] {
  if (raw === undefined) return builtIn(routes);
  const rules: InferRule[] = [];
  let complete = true;
  for (const [index, entry] of raw.entries()) {
    const path = ["infer", index];
    const parsed = report.parse(inferSchema, entry, path);
    complete &&= parsed !== undefined;
    if (parsed === undefined) continue;
    const when = toCondition(parsed.when ?? {}, [...path, "when"], report);
    const former = rules.find((rule) => includes(rule.when, when));
    if (former !== undefined) {
      const message = `this rule is never reached: ${former.id} takes every request that it matches`;
      const hint = `move it above ${former.id}`;
      report.warn({ path, message, expected: "narrower rules before wider ones", hint });
    }
    rules.push({ id: `infer[${index}]`, when, purpose: parsed.purpose });
  }
  const last = rules.at(-1);
  if (complete && (last === undefined || Object.keys(last.when).length > 0)) {
    report.error({
      path: raw.length === 0 ? ["infer"] : ["infer", raw.length - 1],
      message: "no rule says what all other requests are for",
      expected: "a last rule without `when`",
      hint: "add `- { purpose: preview }` at the end",
    });
  }
  return rules;
}

/**
 * Built-in rules that lead somewhere. Without a compositing route, a preview with text in it is a preview: inferring a purpose that
 * no route takes would send it to the default route.
 */
function builtIn(routes: readonly Route[]): InferRule[] {
  const served = new Set(routes.flatMap(({ match }) => match.purposes ?? []));
  const last = DEFAULT_INFER.length - 1;
  return DEFAULT_INFER.filter(({ purpose }, index) => index === last || served.has(purpose)).map((rule, index) => ({
    id: `infer[${index}]`,
    ...rule,
  }));
}
