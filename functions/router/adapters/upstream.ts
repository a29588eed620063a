/**
 * Upstream calls over the platform's fetch. Redirects are never followed: a key must not travel to a host that the catalogue does not name.
 */
import type { Upstream } from "../../../routing/index.ts";

export const fetchUpstream: Upstream = {
  send: (call, signal) =>
    fetch(call.url, {
      method: call.method,
      headers: call.headers,
      redirect: "manual",
      signal,
      ...(call.body === undefined ? {} : { body: call.body }),
    }),
};
