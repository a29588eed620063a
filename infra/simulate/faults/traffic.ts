/**
 * Who asks for what and when, drawn from the seed: previews of people who leave or change their mind, drafts of automation, bursts.
 */
import type { Ask, ClientLocation } from "../../../routing/index.ts";
import { between, chanceFrom, oneOf } from "../../gpu/simulator/chance.ts";
import { SIDE } from "../virtual/world.ts";

/** One request to come. */
export interface Arrival {
  readonly id: string;
  readonly atMs: number;
  readonly ask: Ask;
  readonly location: ClientLocation;
  readonly automation: boolean;
  /** After its arrival, ms. */
  readonly leavesAfterMs?: number;
}

const CONTINENTS = ["EU", "EU", "NA", "NA", "AS"] as const;

/** `count` requests, in order. */
export function drawTraffic(seed: number, count: number): readonly Arrival[] {
  const chance = chanceFrom("traffic", seed);
  // Between an idle night and about what all previews' endpoints can do together.
  const perSecond = between(chance, 4, 36);
  const arrivals: Arrival[] = [];
  let atMs = 0;
  for (let at = 0; at < count; at += 1) {
    const inBurst = Math.floor(atMs / 20_000) % 3 === 2;
    atMs += (-Math.log(1 - chance()) * 1_000) / (inBurst ? 3 * perSecond : perSecond);
    const purpose = oneOf(chance, ["preview", "preview", "preview", "preview", "compositing", "draft-art"]);
    const hasSession = chance() < 0.15;
    const ask: Ask = {
      prompt: "a paper boat",
      purpose,
      text: [],
      preferredFormat: "webp",
      format: "webp",
      width: SIDE,
      height: SIDE,
      seed: at,
      exportFlag: false,
      ...(chance() < 0.3 ? { deadlineMs: Math.round(between(chance, 800, 12_000)) } : {}),
      ...(hasSession ? { session: `s${Math.floor(chance() * 6)}`, layer: "top" } : {}),
    };
    const leaves = chance() < 0.05 ? { leavesAfterMs: between(chance, 0, 5_000) } : {};
    const automation = purpose === "draft-art";
    arrivals.push({
      id: `r${at}`,
      atMs,
      ask,
      location: { continent: oneOf(chance, CONTINENTS) },
      automation,
      ...leaves,
    });
  }
  return arrivals;
}
