/**
 * What a Rollout object does, over storage and time that are passed in: holds one experiment, takes outcomes in, and lets it decide.
 *
 * Stored keys: `run:1` (how many were started), `shadow:1` (what copies cost today; written with every claim, for the cap must hold), `checkpoint:1` and `checkpoint:1:<n>` (JSON in pieces, because one value may hold 2 MB),
 * `log:1:<run>:<seq>` (each decision; never changed or deleted). A decision is written down before anybody hears of it; outcomes are
 * written down within ten seconds, because losing some costs evidence and nothing else.
 */
import {
  createExperiment,
  describeEntry,
  type Experiment,
  type ExperimentCheckpoint,
  type LogEntry,
  type OutcomeBatch,
  type PersonCommand,
  restoreExperiment,
  type ShadowSpent,
} from "../../routing/index.ts";
import type { ArmState, RolloutObject, Started, StartOrder } from "./rollout-protocol.ts";

/** How long outcomes may stay unwritten, ms. */
const SAVE_AFTER_MS = 10_000;

/** Characters a piece; at two bytes each half of what one value may hold. */
const PIECE_CHARS = 512 * 1_024;

const KEYS = { run: "run:1", checkpoint: "checkpoint:1", log: "log:1", shadow: "shadow:1" } as const;

export interface RolloutHostPorts {
  nowMs(): number;
  readonly storage: {
    get(key: string): Promise<unknown>;
    /** All of them or none. */
    put(entries: Readonly<Record<string, unknown>>): Promise<void>;
  };
  /** Asks for `save` after so long, ms. */
  saveIn(ms: number): void;
  /** One line for the platform's log: a decision. */
  tell(line: Readonly<Record<string, unknown>>): void;
}

export interface RolloutHost extends RolloutObject {
  restore(): Promise<void>;
  save(): Promise<void>;
}

/** Makes a host; `restore` comes before every other call. */
export function createRolloutHost({ nowMs, storage, saveIn, tell }: RolloutHostPorts): RolloutHost {
  let experiment: Experiment | undefined;
  let run = 0;
  let shadowSpent: ShadowSpent | undefined;
  let isSaveAsked = false;

  const save = async (entries: readonly LogEntry[] = []): Promise<void> => {
    isSaveAsked = false;
    if (experiment === undefined) return;
    const text = JSON.stringify(experiment.checkpoint());
    const count = Math.ceil(text.length / PIECE_CHARS);
    const pieces = Array.from({ length: count }, (_, index) => [
      `${KEYS.checkpoint}:${index}`,
      text.slice(index * PIECE_CHARS, (index + 1) * PIECE_CHARS),
    ]);
    const lines = entries.map((entry) => [`${KEYS.log}:${run}:${String(entry.seq).padStart(6, "0")}`, entry]);
    shadowSpent = experiment.shadowSpent();
    await storage.put({
      [KEYS.shadow]: shadowSpent,
      ...Object.fromEntries(pieces),
      ...Object.fromEntries(lines),
      [KEYS.checkpoint]: count,
      [KEYS.run]: run,
    });
    for (const entry of entries) {
      tell({
        event: "rollout-decision",
        experiment: experiment.spec.name,
        kind: entry.kind,
        acted: entry.acted,
        share: entry.share,
        says: describeEntry(entry),
      });
    }
  };

  return {
    async restore() {
      const [count, storedRun, spent] = await Promise.all(
        [KEYS.checkpoint, KEYS.run, KEYS.shadow].map((key) => storage.get(key)),
      );
      run = typeof storedRun === "number" ? storedRun : 0;
      shadowSpent = spent as ShadowSpent | undefined;
      if (typeof count !== "number") return;
      const pieces = await Promise.all(
        Array.from({ length: count }, (_, index) => storage.get(`${KEYS.checkpoint}:${index}`)),
      );
      if (!pieces.every((piece) => typeof piece === "string")) return;
      const checkpoint = JSON.parse(pieces.join("")) as ExperimentCheckpoint;
      // Claims are written down at once, the checkpoint now and then.
      if (shadowSpent !== undefined) Object.assign(checkpoint.state.shadow, shadowSpent);
      experiment = restoreExperiment(checkpoint);
    },
    save: () => save(),
    arms: async () => toArmState(experiment, nowMs()),
    async claimShadow(gpuMs) {
      if (experiment?.claimShadow(gpuMs, nowMs()) !== true) return false;
      shadowSpent = experiment.shadowSpent();
      await storage.put({ [KEYS.shadow]: shadowSpent });
      return true;
    },
    async report(batch: OutcomeBatch) {
      if (experiment === undefined) return undefined;
      experiment.record(batch);
      const decided = experiment.decide(nowMs());
      if (decided.length > 0) await save(decided);
      else if (!isSaveAsked) {
        isSaveAsked = true;
        saveIn(SAVE_AFTER_MS);
      }
      return toArmState(experiment, nowMs());
    },
    async start({ spec, person, limits }: StartOrder): Promise<Started> {
      const phase = experiment?.status(nowMs()).phase;
      if (phase === "running" || phase === "paused" || phase === "frozen") return { ok: false, phase };
      run += 1;
      shadowSpent = experiment?.shadowSpent();
      experiment = createExperiment(spec, {
        startedAtMs: nowMs(),
        person,
        ...(limits === undefined ? {} : { limits }),
        ...(shadowSpent === undefined ? {} : { shadowSpent }),
      });
      await save(experiment.log());
      return { ok: true };
    },
    async command(word: PersonCommand) {
      if (experiment === undefined) return undefined;
      const result = experiment.command(word, nowMs());
      if (result.ok && result.entry !== undefined) await save([result.entry]);
      return result;
    },
    async view() {
      if (experiment === undefined) return undefined;
      const log = experiment.log().map((entry) => ({ ...entry, says: describeEntry(entry) }));
      return { run, status: experiment.status(nowMs()), log };
    },
  };
}

function toArmState(experiment: Experiment | undefined, nowMs: number): ArmState {
  if (experiment === undefined || experiment.spec.subject.kind !== "model") return undefined;
  const { name, subject, stickTo, salt } = experiment.spec;
  const { route, baseline, candidate } = subject;
  const phase = experiment.phaseNow();
  const recording = phase === "running" || phase === "paused" || phase === "frozen";
  const shadow = experiment.shadowNow(nowMs);
  return {
    ...{ name, route, baseline, candidate, stickTo, salt, share: experiment.shareNow(), recording },
    ...(shadow.share === 0 ? {} : { shadow }),
  };
}
