/**
 * The openai package as people have it: the newest major and the two before, each with a client of the router under test.
 */
import OpenAIv5 from "openai-v5";
import OpenAIv6 from "openai-v6";
import OpenAIv7 from "openai-v7";

/** What all three have in common; one of them stands for the types of all. */
export type OpenAISdk = typeof OpenAIv7;
export type OpenAIClient = InstanceType<OpenAISdk>;

/** The packages by their major. */
export const OPENAI_SDKS: readonly (readonly [major: string, sdk: OpenAISdk])[] = [
  ["openai 7", OpenAIv7],
  ["openai 6", OpenAIv6 as unknown as OpenAISdk],
  ["openai 5", OpenAIv5 as unknown as OpenAISdk],
];

/** Requests that a client sent, with its own retry count. */
export interface Sent {
  readonly path: string;
  readonly retryCount: string | null;
}

/** A client that reaches the router at `url` and remembers what it sent. */
export function openClient(
  Sdk: OpenAISdk,
  url: string,
  options: { readonly timeout?: number; readonly maxRetries?: number } = {},
): { readonly client: OpenAIClient; readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const client = new Sdk({
    apiKey: "local",
    baseURL: `${url}/v1`,
    ...options,
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      sent.push({ path: new URL(String(input)).pathname, retryCount: headers.get("x-stainless-retry-count") });
      return fetch(input, init);
    },
  });
  return { client, sent };
}
