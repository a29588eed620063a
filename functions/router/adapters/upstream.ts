/**
 * Upstream calls over the platform's fetch, or over its AI binding where the dialect speaks to that.
 *
 * Redirects are never followed: a key must not travel to a host that the catalogue does not name.
 */
import {
  type Call,
  toBindingError,
  toBindingInputs,
  toBindingResponse,
  type Upstream,
  type UpstreamResponse,
} from "../../../routing/index.ts";
import type { Env } from "../environment.ts";

/** The upstream port of one request. */
export function createUpstream(env: Env): Upstream {
  return {
    send: (call, signal) => (call.binding === undefined ? sendOverHttp(call, signal) : runOnBinding(env, call, signal)),
  };
}

async function sendOverHttp({ url, method, headers, body }: Call, signal: AbortSignal): Promise<UpstreamResponse> {
  return toUpstreamResponse(
    await fetch(url, { method, headers, redirect: "manual", signal, ...(body === undefined ? {} : { body }) }),
  );
}

/** Without the binding the endpoint cannot be reached, which is what a rejection says. */
async function runOnBinding({ AI }: Env, call: Call, signal: AbortSignal): Promise<UpstreamResponse> {
  if (AI === undefined) throw new Error("this Worker has no AI binding");
  try {
    return toUpstreamResponse(toBindingResponse(await AI.run(call.url, toBindingInputs(call), { signal })));
  } catch (error: unknown) {
    if (signal.aborted) throw error;
    return toUpstreamResponse(toBindingError(error));
  }
}

function toUpstreamResponse(response: Response): UpstreamResponse {
  const { status, headers, body } = response;
  return { status, headers, body, whole: () => response.arrayBuffer() };
}
