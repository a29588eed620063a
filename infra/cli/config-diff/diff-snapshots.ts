/**
 * What differs between two snapshots, in words: one line a thing, in the owner's terms.
 *
 * Pure. An address is never shown: a line may end up in a log or a chat, and addresses are nobody's business there.
 */
import type { Canary, Endpoint, Model, Route, Routing, Snapshot } from "../../../routing/authoring.ts";
import { listChanges } from "./list-changes.ts";
import { conditionWords, stepWords } from "./words.ts";

export interface Change {
  readonly section: "routing" | "policies" | "canaries" | "models" | "endpoints" | "places";
  readonly kind: "added" | "removed" | "changed";
  readonly text: string;
}

type Section = Change["section"];

/** All differences, in the order of the files. */
export function diffSnapshots(before: Snapshot, after: Snapshot): readonly Change[] {
  const [old, now] = [before.content, after.content];
  return [
    ...diffDefault(old.routing, now.routing),
    ...diffRules(old.routing, now.routing),
    ...diffRoutes(old.routing.routes, now.routing.routes),
    ...diffEntries("policies", "policy", old.routing.policies, now.routing.policies),
    ...diffEntries("canaries", "canary", old.routing.canaries, now.routing.canaries, canaryWords),
    ...diffEntries("models", "model", old.catalog.models, now.catalog.models, modelWords),
    ...diffEntries("endpoints", "endpoint", old.catalog.endpoints, now.catalog.endpoints, endpointWords),
    ...diffEntries("places", "place", old.catalog.places, now.catalog.places),
    ...diffNames(old.catalog.names, now.catalog.names),
  ];
}

function diffDefault({ defaultRoute: old }: Routing, { defaultRoute: now }: Routing): readonly Change[] {
  const words = (one: Routing["defaultRoute"]) =>
    one.kind === "route" ? `route \`${one.route}\`` : `cluster \`${one.cluster}\``;
  if (words(old) === words(now)) return [];
  return [changed("routing", `what no route matches goes to ${words(now)}, before to ${words(old)}`)];
}

function diffRules({ infer: old }: Routing, { infer: now }: Routing): readonly Change[] {
  const words = ({ when, purpose }: Routing["infer"][number]) => `${conditionWords(when)} is ${purpose}`;
  const [before, after] = [old.map(words), now.map(words)];
  if (before.join("\n") === after.join("\n")) return [];
  const gone = before.filter((rule) => !after.includes(rule));
  const fresh = after.filter((rule) => !before.includes(rule));
  if (gone.length === 0 && fresh.length === 0) {
    return [changed("routing", "the rules that infer a purpose stand in another order")];
  }
  return [
    ...gone.map((rule) => ({ section: "routing", kind: "removed", text: `rule: ${rule}` }) as const),
    ...fresh.map((rule) => ({ section: "routing", kind: "added", text: `rule: ${rule}` }) as const),
  ];
}

function diffRoutes(old: readonly Route[], now: readonly Route[]): readonly Change[] {
  const before = new Map(old.map((route) => [route.name, route]));
  const after = new Map(now.map((route) => [route.name, route]));
  const changes: Change[] = [];
  for (const route of old) {
    if (!after.has(route.name)) changes.push({ section: "routing", kind: "removed", text: routeWords(route) });
  }
  for (const route of now) {
    const former = before.get(route.name);
    if (former === undefined) changes.push({ section: "routing", kind: "added", text: routeWords(route) });
    else changes.push(...diffRoute(former, route));
  }
  const shared = (routes: readonly Route[], other: ReadonlyMap<string, Route>) =>
    routes.map(({ name }) => name).filter((name) => other.has(name));
  const [oldOrder, newOrder] = [shared(old, after), shared(now, before)];
  if (oldOrder.join("\n") !== newOrder.join("\n")) {
    changes.push(changed("routing", `routes are tried in another order: ${newOrder.join(", ")}`));
  }
  return changes;
}

function diffRoute(old: Route, now: Route): readonly Change[] {
  const parts: string[] = [];
  if (old.model !== now.model) parts.push(`${now.model} serves, before ${old.model}`);
  if (old.policy !== now.policy) parts.push(`policy ${now.policy}, before ${old.policy}`);
  const [was, is] = [conditionWords(old.match), conditionWords(now.match)];
  if (was !== is) parts.push(`takes ${is}, before ${was}`);
  return parts.length === 0 ? [] : [changed("routing", `route \`${now.name}\`: ${parts.join("; ")}`)];
}

function routeWords({ name, match, model, policy }: Route): string {
  return `route \`${name}\`: takes ${conditionWords(match)}, served by ${model} under ${policy}`;
}

function diffEntries<Entry extends object>(
  section: Section,
  word: string,
  before: Readonly<Record<string, Entry>>,
  after: Readonly<Record<string, Entry>>,
  describe: (entry: Entry) => string = () => "",
): readonly Change[] {
  const titled = (id: string, entry: Entry) => {
    const words = describe(entry);
    return `${word} \`${id}\`${words === "" ? "" : `: ${words}`}`;
  };
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((id): readonly Change[] => {
    const [old, now] = [before[id], after[id]];
    if (now === undefined) return old === undefined ? [] : [{ section, kind: "removed", text: titled(id, old) }];
    if (old === undefined) return [{ section, kind: "added", text: titled(id, now) }];
    const parts = listChanges(old, now).map(({ path, before: was, after: is }) => {
      if (path === "url") return "another address";
      if (path === "fallback" && section === "policies") return `fallback ${stepWords(is)}, before ${stepWords(was)}`;
      return `${path} ${shown(is)}, before ${shown(was)}`;
    });
    return parts.length === 0 ? [] : [changed(section, `${word} \`${id}\`: ${parts.join("; ")}`)];
  });
}

function diffNames(old: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): readonly Change[] {
  return listChanges(old, now)
    .filter(({ before, after }) => before !== undefined && after !== undefined)
    .map(({ path, before, after }) => changed("models", `the name \`${path}\` means ${after}, before ${before}`));
}

const canaryWords = ({ route, candidate }: Canary): string => `${candidate} for \`${route}\``;

const modelWords = ({ name, pin }: Model): string => `${name}, pin ${pin}`;

function endpointWords({ model, place, concurrency }: Endpoint): string {
  const slots = concurrency.kind === "known" ? `${concurrency.slots} slots` : `up to ${concurrency.max} at once`;
  return `${model} in ${place}, ${slots}`;
}

const changed = (section: Section, text: string): Change => ({ section, kind: "changed", text });

/** A value of a field; absent ones say so. */
function shown(value: unknown): string {
  if (value === undefined) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}
