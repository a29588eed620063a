/**
 * What an isolate keeps of its places' schedulers: credits, reports that wait to be sent, the last view, how the scheduler answered last.
 *
 * State: the isolate's, and gone with it; plain data only, because whatever does I/O belongs to one request. Losing it costs one lease time.
 */
import {
  type Credit,
  createLocalPicker,
  type EndpointId,
  type LocalPicker,
  type ModelId,
  type PlaceId,
  type PolicyName,
  type ReserveAsk,
  type SchedulerView,
} from "../../../../routing/index.ts";
import { createOutbox, type Outbox } from "./outbox.ts";

/** A credit in hand. */
export interface HeldCredit extends Credit {
  /** By this isolate's clock, epoch ms. */
  readonly expiresAtMs: number;
  /** When it is worth renewing, epoch ms. */
  readonly renewAtMs: number;
}

/** How much this isolate asks of a model in a place, in this window of time and the one before. */
export interface Demand {
  windowAtMs: number;
  starts: number;
  /** Most attempts at the same time. */
  peak: number;
  formerStarts: number;
  formerPeak: number;
  inFlight: number;
  /** A credit was asked for then and nothing was heard of it yet, epoch ms; 0 = not. */
  askedAtMs: number;
  /** Of the last first attempt: whose hedge a credit shall carry. */
  policy: PolicyName | undefined;
}

export interface PlaceMemory {
  readonly place: PlaceId;
  readonly credits: Map<string, HeldCredit>;
  /** Attempts that run on each credit, by its id; also of credits that were given back meanwhile. */
  readonly inUse: Map<string, number>;
  readonly demand: Map<ModelId, Demand>;
  readonly outbox: Outbox;
  view: SchedulerView | undefined;
  /** When that view came in, epoch ms. */
  viewAtMs: number;
  /** When a first attempt last began, epoch ms. */
  startedAtMs: number;
  /** The start after which somebody is to see whether the place has fallen idle, epoch ms. */
  idleCheckOfMs: number;
  /** Not asked until then, because it was late or failed, epoch ms; 0 = it is well. */
  avoidUntilMs: number;
}

/** An attempt under way: how its slot was come by, which is how it is given back. */
export interface Running {
  readonly way: "reserved" | "credit" | "local";
  readonly place: PlaceMemory;
  readonly ask: ReserveAsk;
  readonly endpoint: EndpointId;
  /** The isolate's own name for an attempt that was not asked for. */
  readonly entry: string;
  readonly creditId?: string;
  /** One lease time after its start, epoch ms: by then it was cut off together with its request. */
  readonly untilMs: number;
}

export interface IsolateMemory {
  /** Unique among all isolates. */
  readonly isolateId: string;
  readonly picker: LocalPicker;
  readonly places: Map<PlaceId, PlaceMemory>;
  /** By lease id. */
  readonly running: Map<string, Running>;
  /** When lost attempts were last looked for, epoch ms. */
  sweptAtMs: number;
  nextEntry: number;
  /** Extra attempts that may be made without asking, in thousandths. */
  extraMilli: number;
}

/** The memory of an isolate that has served nothing yet. */
export function createMemory(isolateId: string): IsolateMemory {
  return {
    isolateId,
    picker: createLocalPicker(),
    places: new Map(),
    running: new Map(),
    sweptAtMs: 0,
    nextEntry: 0,
    extraMilli: 0,
  };
}

/** What is kept of one place. */
export function placeOf(memory: IsolateMemory, place: PlaceId): PlaceMemory {
  const known = memory.places.get(place);
  if (known !== undefined) return known;
  const fresh: PlaceMemory = {
    place,
    credits: new Map(),
    inUse: new Map(),
    demand: new Map(),
    outbox: createOutbox(memory.isolateId),
    view: undefined,
    viewAtMs: 0,
    startedAtMs: 0,
    idleCheckOfMs: 0,
    avoidUntilMs: 0,
  };
  memory.places.set(place, fresh);
  return fresh;
}
