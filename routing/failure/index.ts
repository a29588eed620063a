/**
 * The two closed lists of what can go wrong: why an attempt failed, and why a request did.
 */
export * from "./attempt.ts";
export * from "./request.ts";
