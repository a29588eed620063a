/** Warns of routes that no request can reach, because an earlier one takes them all. */
import { includes } from "./conditions.ts";
import type { Report } from "./report.ts";
import type { Route } from "./snapshot.ts";

/** Compares each route with those before it. `id` carries the index in the file. */
export function checkShadows(routes: readonly Route[], report: Report): void {
  for (const [index, route] of routes.entries()) {
    const former = routes.slice(0, index).find(({ match }) => includes(match, route.match));
    if (former === undefined) continue;
    report.warn({
      path: ["routes", Number(route.id.replace(/\D/g, ""))],
      message: `the route \`${route.name}\` is never reached: ${former.id} \`${former.name}\` takes every request that it matches`,
      expected: "narrower routes before wider ones",
      hint: `move it above ${former.id}`,
    });
  }
}
