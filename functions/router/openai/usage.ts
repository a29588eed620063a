/**
 * Token counts as OpenAI's answers have them, from what upstreams told. Galley bills by picture: the cost stands beside them.
 */
import type { ExecuteResult } from "../../../routing/index.ts";

type Success = Extract<ExecuteResult, { ok: true }>;

/** OpenAI's `usage` (providers.md §4.1). */
export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  readonly input_tokens_details: { readonly text_tokens: number; readonly image_tokens: number };
}

/** All of them together; `undefined` where one has no counts: its upstream has none, or tells them only behind the picture. */
export function usageOf(results: readonly Success[]): Usage | undefined {
  const counted = results.flatMap(({ reported: { tokens } }) => tokens ?? []);
  if (counted.length < results.length || counted.length === 0) return undefined;
  const sum = (count: (one: (typeof counted)[number]) => number) =>
    counted.reduce((total, one) => total + count(one), 0);
  const [input, output] = [sum((one) => one.input), sum((one) => one.output)];
  const image = sum((one) => one.inputImage ?? 0);
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    input_tokens_details: {
      text_tokens: sum((one) => one.inputText ?? one.input - (one.inputImage ?? 0)),
      image_tokens: image,
    },
  };
}
