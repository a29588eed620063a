/**
 * Words in a prompt that make a simulated provider refuse, for people and tests who want to see it without a control call.
 */
import type { Trouble } from "./exchange.ts";

const TROUBLES = {
  refuse: { kind: "refused", message: "the prompt was refused by the content policy" },
  quota: { kind: "quota-exhausted", message: "the quota of this key is used up" },
  rate: { kind: "rate-limited", message: "too many requests", retryAfterS: 2 },
  error: { kind: "server-error", message: "the model crashed" },
} as const satisfies Record<string, Trouble>;

/** The answer that a word in square brackets asks for (`a castle [refuse]`); `undefined` for ordinary prompts. */
export function triggeredTrouble(prompt: string): Trouble | undefined {
  const word = /\[(refuse|quota|rate|error)\]/.exec(prompt)?.[1] as keyof typeof TROUBLES | undefined;
  return word && TROUBLES[word];
}

/** Does the prompt ask for a picture that is drawn and then withheld or blurred by a content filter? */
export function asksForFilter(prompt: string): boolean {
  return prompt.includes("[filter]");
}
