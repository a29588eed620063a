/** What the router and the Rollout object say to each other. Plain data. */
import type {
  CommandResult,
  ExperimentLimits,
  ExperimentSpec,
  ExperimentStatus,
  LiveExperiment,
  LiveStage,
  LogEntry,
  OutcomeBatch,
  PersonCommand,
} from "../../routing/index.ts";

/** How the experiment stands for those who assign; `undefined`: none was ever started. */
export type ArmState = LiveExperiment | LiveStage | undefined;

export interface StartOrder {
  readonly spec: ExperimentSpec;
  readonly person: string;
  /** Numbers that differ from the usual ones. */
  readonly limits?: Partial<ExperimentLimits>;
}

/** A staged push to be judged. */
export interface StageOrder extends StartOrder {
  /** Of the push, epoch ms: only a newer one than is known begins an experiment. */
  readonly pushedAtMs: number;
}

export type Started =
  | { readonly ok: true }
  /** One is running already: end it first. */
  | { readonly ok: false; readonly phase: string };

export interface RolloutView {
  /** Which run of this name, from 1. */
  readonly run: number;
  readonly status: ExperimentStatus;
  /** Decisions of this run, oldest first, each with its words. */
  readonly log: readonly (LogEntry & { readonly says: string })[];
}

/** The calls of the object. */
export interface RolloutObject {
  arms(): Promise<ArmState>;
  /** Takes outcomes in, decides, and says what is in force after that. */
  report(batch: OutcomeBatch): Promise<ArmState>;
  /** Sets GPU time aside for one shadow, ms; `false`: there is none left today, or nothing is to be copied. */
  claimShadow(gpuMs: number): Promise<boolean>;
  /** Sees to it that a staged push is judged, and says how it stands. */
  stage(order: StageOrder): Promise<ArmState>;
  start(order: StartOrder): Promise<Started>;
  /** `undefined`: there is no experiment. */
  command(word: PersonCommand): Promise<CommandResult | undefined>;
  view(): Promise<RolloutView | undefined>;
}
