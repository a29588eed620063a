/**
 * Finds the first route that matches without walking all of them: routes are filed by purpose and tenant, the two conditions that
 * large files are made of, and only those filed under the request's are tested. Order in the file still decides.
 */
import type { Route } from "../config/snapshot.ts";
import { type Facts, type Test, toTest } from "./condition.ts";

/** The first route that matches, or `undefined`. */
export type FindRoute = (facts: Facts) => Route | undefined;

interface Entry {
  /** Place in the file. */
  readonly position: number;
  readonly route: Route;
  /** The route's other conditions. */
  readonly test: Test;
}

/** A drawer of entries in file order, by purpose and tenant; `ANY` where the route does not ask. */
type Drawers = Map<string, Entry[]>;

const ANY = "";

/** Files the routes once, so that a search costs what the few routes of one purpose and tenant cost. */
export function indexRoutes(routes: readonly Route[]): FindRoute {
  const drawers: Drawers = new Map();
  routes.forEach((route, position) => {
    file(drawers, { position, route, test: toTest(route.match, ["purposes", "tenants"]) });
  });
  return (facts) => search(drawers, facts)?.route;
}

function file(drawers: Drawers, entry: Entry): void {
  const { purposes = [ANY], tenants = [ANY] } = entry.route.match;
  const keys = new Set(purposes.flatMap((purpose) => tenants.map((tenant) => drawerKey(purpose, tenant))));
  for (const key of keys) {
    const drawer = drawers.get(key);
    if (drawer) drawer.push(entry);
    else drawers.set(key, [entry]);
  }
}

function search(drawers: Drawers, facts: Facts): Entry | undefined {
  const { purpose = ANY, features } = facts;
  return [
    drawerKey(purpose, features.tenant),
    drawerKey(purpose, ANY),
    drawerKey(ANY, features.tenant),
    drawerKey(ANY, ANY),
  ]
    .map((key) => drawers.get(key)?.find((entry) => entry.test(facts)))
    .reduce(earlier, undefined);
}

function earlier(one: Entry | undefined, other: Entry | undefined): Entry | undefined {
  if (!one || !other) return one ?? other;
  return one.position <= other.position ? one : other;
}

function drawerKey(purpose: string, tenant: string): string {
  return `${purpose}\n${tenant}`;
}
