export * from "./attempt.ts";
export * from "./request.ts";
