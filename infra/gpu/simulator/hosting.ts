/** Pictures behind temporary URLs, and work that goes on after its reply. State: two bounded maps a server. */
import { randomUUID } from "node:crypto";
import type { Hosted, Later, Order, Render } from "./exchange.ts";

/** Most entries kept of each kind; the oldest go first. */
const KEPT = 64;

/** What outlives a reply. Ids cannot be guessed. */
export interface Hosting {
  host(picture: Hosted): string;
  fetchHosted(id: string): Hosted | undefined;
  startLater(order: Order, work: Promise<Render>): string;
  pollLater(id: string): Later | undefined;
}

/** Empty. */
export function createHosting(): Hosting {
  const pictures = new Map<string, Hosted>();
  const works = new Map<string, Later>();
  const keep = <T>(map: Map<string, T>, id: string, value: T): void => {
    map.set(id, value);
    const oldest = map.keys().next().value;
    if (map.size > KEPT && oldest !== undefined) map.delete(oldest);
  };
  return {
    host(picture) {
      const id = randomUUID();
      keep(pictures, id, picture);
      return id;
    },
    fetchHosted: (id) => pictures.get(id),
    startLater(order, work) {
      const id = randomUUID().replaceAll("-", "");
      keep(works, id, { order });
      void work.then((render) => keep(works, id, { order, render }));
      return id;
    },
    pollLater: (id) => works.get(id),
  };
}
