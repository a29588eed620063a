/**
 * What this isolate knows of the running experiments. State: isolate memory, plain data; truth: the Rollout objects.
 *
 * A known state is served at once and asked after in the background when it is older than five seconds; answers to reports bring it too, so a
 * rollback reaches a busy isolate with its next report. Only a fresh isolate waits, and not for long. Fails safe: what was not
 * confirmed for a minute is not believed, and its requests go to the route's own model.
 */
import type { Clock } from "../../../routing/index.ts";

/** How long a state is served without asking again, ms. */
const FRESH_MS = 5_000;

/** How long an unconfirmed state is believed, ms. */
const BELIEVED_MS = 60_000;

/** How long a fresh isolate's request waits for an answer, ms: as for a region's scheduler (design.md §2). */
const FIRST_LOAD_MS = 150;

interface Known<State> {
  state: State | undefined;
  confirmedAtMs: number;
  askedAtMs: number;
}

export interface ArmsAsk<State> {
  /** Names of the experiments that are looked for. */
  readonly names: readonly string[];
  /** Asks the object; may reject. */
  load(name: string): Promise<State | undefined>;
  background(work: Promise<unknown>): void;
}

/** `State`: what an object says of its experiment. */
export interface ArmsCache<State> {
  /** Experiments to assign by now. */
  current(ask: ArmsAsk<State>): readonly State[] | Promise<readonly State[]>;
  /** An object said how it stands. */
  learn(name: string, state: State | undefined): void;
}

/** One cache an isolate. */
export function createArmsCache<State>(clock: Clock): ArmsCache<State> {
  const known = new Map<string, Known<State>>();

  const learn = (name: string, state: State | undefined): void => {
    const nowMs = clock.nowMs();
    known.set(name, { state, confirmedAtMs: nowMs, askedAtMs: nowMs });
  };

  const refresh = async (name: string, ask: ArmsAsk<State>): Promise<void> => {
    const before = known.get(name);
    if (before !== undefined) before.askedAtMs = clock.nowMs();
    try {
      learn(name, await ask.load(name));
    } catch {
      // Not reached: what is known stays until it is not believed any more.
      known.set(name, known.get(name) ?? { state: undefined, confirmedAtMs: clock.nowMs(), askedAtMs: clock.nowMs() });
    }
  };

  const believed = ({ names }: ArmsAsk<State>): readonly State[] =>
    names.flatMap((name) => {
      const one = known.get(name);
      const isBelieved = one?.state !== undefined && clock.nowMs() - one.confirmedAtMs < BELIEVED_MS;
      return isBelieved && one.state !== undefined ? [one.state] : [];
    });

  return {
    learn,
    current(ask) {
      const due = ask.names.filter((name) => {
        const one = known.get(name);
        return one === undefined || clock.nowMs() - one.askedAtMs >= FRESH_MS;
      });
      if (due.length === 0) return believed(ask);
      const looking = Promise.all(due.map((name) => refresh(name, ask)));
      ask.background(looking);
      if (due.every((name) => known.has(name))) return believed(ask);
      return Promise.race([looking, clock.sleep(FIRST_LOAD_MS)]).then(() => believed(ask));
    },
  };
}
