/**
 * The core's runtime surface: the only file of `routing/` that the Worker imports.
 *
 * Everything behind it is web-standard TypeScript that decides; whatever does I/O comes in through ports.
 */
export type { Classified, RequestFeatures } from "./classify/classify.ts";
export { knownPurposes } from "./classify/purposes.ts";
export { sha256Hex } from "./config/digest.ts";
export {
  CONFIG_CLAIM_PREFIX,
  CONFIG_LOG_PREFIX,
  type ConfigJudge,
  type ConfigPointer,
  type ConfigStage,
  CURRENT_CONFIG_KEY,
  configKey,
  configLogKey,
  POINTER_SCHEMA,
  parsePointer,
} from "./config/kv-keys.ts";
export { findModel, foldName } from "./config/names.ts";
export { TIERS } from "./config/policy-defaults.ts";
export { type KeyPage, listKeys } from "./config/push/list-keys.ts";
export {
  type Pushed,
  type PushStore,
  type PutInForce,
  type PutOptions,
  putInForce,
} from "./config/push/put-in-force.ts";
export type * from "./config/snapshot.ts";
export { parseSnapshot, toSnapshotJson } from "./config/snapshot-json.ts";
export { type Ask, createDecider, type Decided, type DecideInput, type Decider, featuresOf } from "./decide.ts";
export type { Call } from "./dialects/dialect.ts";
export { dialectOf } from "./dialects/index.ts";
export { toBindingError, toBindingInputs, toBindingResponse } from "./dialects/workers-ai/binding.ts";
export { causeOf } from "./execute/attempt.ts";
export { isDear } from "./execute/choose-leg.ts";
export { type ExecuteResult, execute, type Finished, type Picture } from "./execute/execute.ts";
export { createSimpleScheduler } from "./execute/local-scheduler.ts";
export { lookAgain } from "./execute/look-again.ts";
export { cancelledFailure, requestFailure } from "./execute/outcome.ts";
export type * from "./execute/ports.ts";
export { upscalerLeg } from "./execute/upscale.ts";
export { wholePicture } from "./execute/whole-picture.ts";
export { type IdentityAsk, workIdentity } from "./execute/work-identity.ts";
export * from "./exports/index.ts";
export * from "./failure/index.ts";
export { isBlank } from "./image/blank.ts";
export type { PictureHashes } from "./image/canonical.ts";
export { toPortableMask } from "./image/mask.ts";
export { cropPng } from "./image/png-crop.ts";
export { joinBytes, readBytes } from "./image/read-bytes.ts";
export { type ImageRequest, type InlinePicture, MEDIA_TYPES, type PictureFormat } from "./image/request.ts";
export { sniffPicture } from "./image/sniff.ts";
export { toBase64Stream, writeBase64 } from "./image/to-base64.ts";
export type { Leg, Plan } from "./plan/plan.ts";
export type { ClientLocation } from "./region/client-location.ts";
export { createRegions, type Regions } from "./region/regions.ts";
export * from "./rollout/index.ts";
export { type ExtraKind, extraKindOf } from "./scheduler/budget.ts";
export type { Checkpoint } from "./scheduler/checkpoint.ts";
export type {
  Ask as ScheduledAsk,
  Claim as SupersedeClaim,
  Credit,
  CreditAsk,
  Effects as SchedulerEffects,
  GrantedLease,
  Look,
  Outcome as ScheduledOutcome,
  Refusal as SchedulerRefusal,
  ReportBatch,
  ReserveAnswer,
} from "./scheduler/contract.ts";
export { createLocalPicker, type LocalPicker } from "./scheduler/local-picker.ts";
export { createScheduler, type SchedulerMachine } from "./scheduler/machine.ts";
export { KEEP_GUESSING, type MeasuredWork, measuredIn } from "./scheduler/measured.ts";
export { shapeKey, sizeClassOf } from "./scheduler/size-class.ts";
export type { EndpointView, PoolView, View as SchedulerView } from "./scheduler/view.ts";
