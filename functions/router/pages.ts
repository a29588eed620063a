/**
 * Pages and other static files. Cloudflare (and `wrangler dev`) serves them before the Worker runs; where a request reaches the Worker
 * straight (`npm run serve`, a service binding) the Worker asks for them itself, so that both ways answer alike.
 */
import type { Env } from "./environment.ts";

/** Nothing below these is a file. */
const CALLS = /^\/(?:v1|generate|metrics|healthz)(?:\/|$)/;

/** The file of that path, for a GET or HEAD; `undefined` where there is none. */
export async function openPage(request: Request, { ASSETS }: Env): Promise<Response | undefined> {
  if (ASSETS === undefined || CALLS.test(new URL(request.url).pathname)) return undefined;
  const file = await ASSETS.fetch(request);
  if (file.status !== 404) return file;
  await file.body?.cancel();
  return undefined;
}
