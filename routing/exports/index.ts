/** The export job's decisions: states and transitions, retries, progress, webhooks, and the sameness of two requests. */
export { attemptsLeft } from "./backoff.ts";
export { fingerprint } from "./fingerprint.ts";
export { type Box, decideNextStep, type Enlarging, type NextStep, type Shape, sizeToDraw } from "./fit.ts";
export * from "./job.ts";
export * from "./progress.ts";
export * from "./transitions.ts";
export { SourceBroke, verifyPicture } from "./verify-picture.ts";
export * from "./webhook.ts";
export { checkWebhookUrl } from "./webhook-url.ts";
