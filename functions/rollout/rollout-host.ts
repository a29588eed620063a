/**
 * What a Rollout object does, over storage and time that are passed in: holds one experiment, takes outcomes in, and lets it decide.
 *
 * Stored keys: `run:1` (how many were started), `shadow:1` (what copies cost today; written with every claim, for the cap must hold), `stage:1` (which push is judged), `due:1` (the pointer is to be moved, or `null`), `checkpoint:1` and `checkpoint:1:<n>` (JSON in pieces, because one value may hold 2 MB),
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
import type { PointerMove } from "./move-pointer.ts";
import type { ArmState, RolloutObject, StageOrder, Started, StartOrder } from "./rollout-protocol.ts";

/** How long outcomes may stay unwritten, ms. */
const SAVE_AFTER_MS = 10_000;

/** How soon a pointer that could not be moved is tried again, ms. */
const MOVE_AGAIN_MS = 5_000;

/** Characters a piece; at two bytes each half of what one value may hold. */
const PIECE_CHARS = 512 * 1_024;

const KEYS = {
  run: "run:1",
  checkpoint: "checkpoint:1",
  log: "log:1",
  shadow: "shadow:1",
  stage: "stage:1",
  due: "due:1",
} as const;

export interface RolloutHostPorts {
  nowMs(): number;
  readonly storage: {
    get(key: string): Promise<unknown>;
    /** All of them or none. */
    put(entries: Readonly<Record<string, unknown>>): Promise<void>;
  };
  /** Asks for `work` after so long, ms; a later ask takes the place of a former one. */
  wakeIn(ms: number): void;
  /** Moves the configuration's pointer; `again`: not yet. May reject. */
  movePointer(move: PointerMove): Promise<"moved" | "overtaken" | "again">;
  /** One line for the platform's log: a decision. */
  tell(line: Readonly<Record<string, unknown>>): void;
}

export interface RolloutHost extends RolloutObject {
  restore(): Promise<void>;
  /** Writes down what is not yet, and does what is due. */
  work(): Promise<void>;
}

/** Makes a host; `restore` comes before every other call. */
export function createRolloutHost({ nowMs, storage, wakeIn, movePointer, tell }: RolloutHostPorts): RolloutHost {
  let experiment: Experiment | undefined;
  let run = 0;
  let shadowSpent: ShadowSpent | undefined;
  let isSaveAsked = false;
  /** When the push was made that is judged, epoch ms; 0: this is no push's experiment. */
  let stagePushedAtMs = 0;
  let due: PointerMove | undefined;

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
    due = entries.reduce((former, entry) => toMove(entry, experiment, stagePushedAtMs) ?? former, due);
    await storage.put({
      [KEYS.stage]: stagePushedAtMs,
      [KEYS.due]: due ?? null,
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
    if (due !== undefined) wakeIn(0);
  };

  const carryOut = async (move: PointerMove): Promise<void> => {
    const end = await movePointer(move).catch(() => "again" as const);
    if (end === "again") return wakeIn(MOVE_AGAIN_MS);
    tell({ event: "config-pointer", to: move.to, end, version: move.candidate });
    if (due !== move) return;
    due = undefined;
    await storage.put({ [KEYS.due]: null });
  };

  const begin = async ({ spec, person, limits }: StartOrder): Promise<void> => {
    run += 1;
    shadowSpent = experiment?.shadowSpent();
    experiment = createExperiment(spec, {
      startedAtMs: nowMs(),
      person,
      ...(limits === undefined ? {} : { limits }),
      ...(shadowSpent === undefined ? {} : { shadowSpent }),
    });
    await save(experiment.log());
  };

  const armState = (): ArmState => toArmState(experiment, { nowMs: nowMs(), pushedAtMs: stagePushedAtMs });

  return {
    async restore() {
      const [count, storedRun, spent, stage, move] = await Promise.all(
        [KEYS.checkpoint, KEYS.run, KEYS.shadow, KEYS.stage, KEYS.due].map((key) => storage.get(key)),
      );
      stagePushedAtMs = typeof stage === "number" ? stage : 0;
      due = (move ?? undefined) as PointerMove | undefined;
      if (due !== undefined) wakeIn(0);
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
    async work() {
      if (isSaveAsked) await save();
      if (due !== undefined) await carryOut(due);
      if (isSaveAsked && due === undefined) wakeIn(SAVE_AFTER_MS);
    },
    arms: async () => armState(),
    async stage({ pushedAtMs, ...order }: StageOrder) {
      if (pushedAtMs > stagePushedAtMs) {
        stagePushedAtMs = pushedAtMs;
        due = undefined;
        await begin(order);
      }
      return armState();
    },
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
        if (due === undefined) wakeIn(SAVE_AFTER_MS);
      }
      return armState();
    },
    async start(order: StartOrder): Promise<Started> {
      const phase = experiment?.status(nowMs()).phase;
      if (phase === "running" || phase === "paused" || phase === "frozen") return { ok: false, phase };
      await begin(order);
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

/** What follows for the pointer from a decision about a staged push; nothing from most. */
function toMove(entry: LogEntry, experiment: Experiment | undefined, pushedAtMs: number): PointerMove | undefined {
  const subject = experiment?.spec.subject;
  if (subject?.kind !== "config" || !entry.acted) return undefined;
  if (entry.kind !== "rolled-back" && entry.kind !== "aborted" && entry.kind !== "promoted") return undefined;
  const { baseline, candidate } = subject;
  const to = entry.kind === "promoted" ? "newer" : "former";
  return { to, baseline, candidate, pushedAtMs, message: describeEntry(entry), author: entry.person ?? "galley" };
}

function toArmState(
  experiment: Experiment | undefined,
  { nowMs, pushedAtMs }: { readonly nowMs: number; readonly pushedAtMs: number },
): ArmState {
  if (experiment === undefined) return undefined;
  const { name, subject, stickTo, salt } = experiment.spec;
  const phase = experiment.phaseNow();
  const recording = phase === "running" || phase === "paused" || phase === "frozen";
  const now = { name, share: experiment.shareNow(), recording };
  if (subject.kind === "config") return { kind: "config", ...now, pushedAtMs };
  const { route, baseline, candidate } = subject;
  const shadow = experiment.shadowNow(nowMs);
  return { ...now, route, baseline, candidate, stickTo, salt, ...(shadow.share === 0 ? {} : { shadow }) };
}
