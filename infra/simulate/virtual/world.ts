/**
 * The whole router in virtual time: the real decider, the real `execute`, the real scheduler machines, simulated GPUs behind a network.
 *
 * One isolate a home region, each with a wall clock, a local rule and views of its own; one scheduler a place. Everything random comes
 * from the seed, so that the same seed gives the same run, event by event.
 */
import {
  type Ask,
  type ClientLocation,
  createDecider,
  type ExecutePorts,
  type ExecuteResult,
  execute,
  measuredIn,
  type PlaceId,
  type Plan,
  type RequestFailure,
  type SchedulerView,
  type Snapshot,
} from "../../../routing/index.ts";
import { chanceFrom } from "../../gpu/simulator/chance.ts";
import { type CatalogSimulation, endpointsFromCatalog, type SimulatedEndpoint } from "../../gpu/simulator/index.ts";
import { createGpus, type Gpus, NEAR_MS } from "./gpus.ts";
import { createStockPainter } from "./pictures.ts";
import { createPlace, type Place, type PlaceEvents } from "./places.ts";
import { createSchedulers, type SchedulerSettings } from "./schedulers.ts";
import { createVirtualTime, createWallClock, type VirtualTime, type WallClock } from "./time.ts";

/** Width and height of all pictures, px. */
export const SIDE = 512;

/** Views are at most this old, ms. */
const VIEW_MS = 1_000;

export interface WorldSettings {
  readonly snapshot: Snapshot;
  readonly seed: number;
  readonly simulation?: CatalogSimulation;
  /** Changes a simulated endpoint before it is built. */
  adjust?(endpoint: SimulatedEndpoint): SimulatedEndpoint;
  /** Share of releases that get lost, 0…1. */
  readonly lostReleases?: number;
  readonly events?: PlaceEvents & Pick<SchedulerSettings, "answered" | "leased" | "released">;
  /** Takes a port's place, as a policy to compare with. */
  readonly scheduler?: (home: PlaceId, isolate: Isolate) => ExecutePorts["scheduler"];
  observe?(requestId: string, event: Parameters<NonNullable<ExecutePorts["observe"]>>[0]): void;
}

/** A router near a region. */
export interface Isolate {
  readonly home: PlaceId;
  readonly clock: WallClock;
}

/** One request of a client. */
export interface Asked {
  readonly id: string;
  readonly ask: Ask;
  readonly location: ClientLocation;
  readonly automation: boolean;
  readonly signal: AbortSignal;
}

/** How it ended, and when, ms of virtual time. */
export interface Answered {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly deadlineMs: number;
  readonly plan?: Plan;
  readonly result: ExecuteResult | { readonly ok: false; readonly failure: RequestFailure; readonly refused: true };
  /** `whole` and `half` are pictures of the simulated GPUs; `broken`: bytes that are none; absent without a picture. */
  readonly picture?: "whole" | "half" | "broken";
}

export interface World {
  readonly time: VirtualTime;
  readonly gpus: Gpus;
  readonly places: ReadonlyMap<PlaceId, Place>;
  readonly isolates: ReadonlyMap<PlaceId, Isolate>;
  /** Sends a request now. Rejects for nothing but a bug. */
  send(asked: Asked): Promise<Answered>;
}

/** A world at rest. */
export async function createWorld(settings: WorldSettings): Promise<World> {
  const { seed } = settings;
  const snapshot = inStockFormat(settings.snapshot);
  const { catalog } = snapshot.content;
  const time = createVirtualTime();
  const painter = await createStockPainter(SIDE);
  const endpoints = endpointsFromCatalog(snapshot.content, settings.simulation).map(
    (one) => settings.adjust?.(one) ?? one,
  );
  const gpus = createGpus({ endpoints, time, painter, seed });
  const decide = createDecider(snapshot);
  const losses = chanceFrom("losses", seed);
  const lostReleases = settings.lostReleases ?? 0;

  const look = (place: Place, endpoints: readonly string[]): void => {
    for (const endpoint of endpoints) {
      time.after(2 * NEAR_MS, () => {
        const state = gpus.isServing(endpoint);
        if (state === undefined) return;
        const seen = state === "ok" ? ({ ok: true } as const) : ({ ok: false, reason: state } as const);
        place.call((machine, nowMs) => ({ value: undefined, effects: machine.look(endpoint, seen, nowMs) }));
      });
    }
  };

  const places = new Map<PlaceId, Place>();
  for (const id of Object.keys(catalog.places)) {
    const clock = createWallClock(time);
    const random = chanceFrom("scheduler", seed, id);
    places.set(id, createPlace({ id, snapshot, time, clock, random, look, events: settings.events ?? {} }));
  }

  const views = new Map<PlaceId, { readonly view: SchedulerView; readonly atMs: number }>();
  function viewOf(place: PlaceId): SchedulerView | undefined {
    const known = views.get(place);
    if (known !== undefined && time.passedMs() - known.atMs < VIEW_MS) return known.view;
    const host = places.get(place);
    if (host === undefined || time.passedMs() < host.silentUntilMs) return known?.view;
    const view = host.machine().view();
    views.set(place, { view, atMs: time.passedMs() });
    return view;
  }

  interface Router extends Isolate {
    readonly ports: Omit<ExecutePorts, "background" | "observe">;
  }

  const routers = new Map<PlaceId, Router>();
  for (const place of Object.values(catalog.places)) {
    if (place.kind !== "region") continue;
    const home = place.id;
    const clock = createWallClock(time);
    const isolate: Isolate = { home, clock };
    const scheduler =
      settings.scheduler?.(home, isolate) ??
      createSchedulers({
        ...{ home, places, snapshot, time, clock, ...settings.events },
        random: chanceFrom("local-rule", seed, home),
        isLost: () => losses() < lostReleases,
      });
    const ports = {
      clock,
      random: chanceFrom("execute", seed, home),
      upstream: gpus.upstreamFrom(home),
      scheduler,
      secret: () => undefined,
      pins: createPins(clock),
    };
    routers.set(home, { ...isolate, ports });
  }

  async function send({ id, ask, location, automation, signal }: Asked): Promise<Answered> {
    const startedAtMs = time.passedMs();
    const decided = decide({
      ...{ ask, tenant: "simulated", automation, location },
      measured: ({ model, place, pixels, steps }) => {
        const view = viewOf(place);
        return view === undefined ? undefined : measuredIn(view, { model, pixels, steps });
      },
    });
    if (!decided.ok) {
      const result = { ok: false, failure: decided.failure, refused: true } as const;
      return { startedAtMs, endedAtMs: startedAtMs, deadlineMs: ask.deadlineMs ?? 0, result };
    }
    const { home, plan, deadlineMs, size, format } = decided.value;
    const router = routers.get(home);
    if (router === undefined) throw new Error(`no router near ${home}`);
    const wallMs = router.clock.nowMs();
    const result = await execute(
      {
        snapshot,
        plan,
        request: { prompt: ask.prompt, text: ask.text, ...size, format, seed: ask.seed ?? 1 },
        requestId: id,
        tenant: "simulated",
        startedAtMs: wallMs,
        deadlineAtMs: wallMs + deadlineMs,
        signal,
        ...(ask.session === undefined ? {} : { supersedeKey: `simulated:${ask.session}:${ask.layer ?? ""}` }),
      },
      {
        ...router.ports,
        background: (work) => void work.catch(() => undefined),
        observe: (event) => settings.observe?.(id, event),
      },
    );
    const endedAtMs = time.passedMs();
    if (!result.ok) return { startedAtMs, endedAtMs, deadlineMs, plan, result };
    const bytes = result.picture.bytes ?? new Uint8Array(await new Response(result.picture.body).arrayBuffer());
    const picture = painter.recognise(bytes) ?? "broken";
    return { startedAtMs, endedAtMs, deadlineMs, plan, result, picture };
  }

  return { time, gpus, places, isolates: routers, send };
}

/** The stock pictures are WebP: here every model makes it, or a request that asks for WebP would pass over the hosted ones. */
function inStockFormat(snapshot: Snapshot): Snapshot {
  const { catalog } = snapshot.content;
  const models = Object.entries(catalog.models).map(([id, model]) => [
    id,
    { ...model, capabilities: { ...model.capabilities, formats: ["webp" as const] } },
  ]);
  return { ...snapshot, content: { ...snapshot.content, catalog: { ...catalog, models: Object.fromEntries(models) } } };
}

/** How long a look is believed, and how soon one that brought nothing is repeated, ms: as the Worker has it. */
const PIN_BELIEVED_MS = 60_000;
const PIN_RETRY_MS = 5_000;

function createPins(clock: WallClock): NonNullable<ExecutePorts["pins"]> {
  const looks = new Map<string, { answer: Promise<string | undefined>; staleAtMs: number }>();
  return {
    look(endpoint, load) {
      const known = looks.get(endpoint);
      if (known !== undefined && clock.nowMs() < known.staleAtMs) return known.answer;
      const one = { answer: load().catch(() => undefined), staleAtMs: clock.nowMs() + PIN_RETRY_MS };
      looks.set(endpoint, one);
      void one.answer.then((pin) => {
        if (pin !== undefined) one.staleAtMs = clock.nowMs() + PIN_BELIEVED_MS;
      });
      return one.answer;
    },
  };
}
