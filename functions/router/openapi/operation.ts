/**
 * What the description says of one call, before it becomes OpenAPI: enough for every call of this API and nothing more.
 */
import type * as z from "zod/mini";
import type { RequestFailureCode } from "../../../routing/index.ts";

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  /** JSON Schema; a string where absent. */
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly required?: boolean;
}

export interface Content {
  readonly mediaType: string;
  /** JSON Schema; absent for bytes and text. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly status: number;
  readonly description: string;
  /** By name, what each says. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: readonly Content[];
}

export interface Operation {
  readonly method: "get" | "post" | "delete";
  /** With `{name}` for what varies. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly body?: {
    readonly mediaType: string;
    /** The schema that checks it, under its name in the description. */
    readonly name: string;
    readonly schema: z.ZodMiniType;
    /** Members that are files, which no schema of ours checks. */
    readonly files?: Readonly<Record<string, string>>;
    readonly example?: Readonly<Record<string, unknown>>;
  };
  readonly answers: readonly Answer[];
  readonly failures: readonly RequestFailureCode[];
  /** In whose shape failures are told. */
  readonly problems: "problem" | "openai";
  /** Answers everybody: no key is needed. */
  readonly isPublic?: boolean;
}

/** `{type: "object", properties}` of some members; those that end in `?` may be absent. */
export function objectOf(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const names = Object.keys(members);
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name.replace(/\?$/, ""), members[name]])),
    required: names.filter((name) => !name.endsWith("?")),
  };
}

/** Schemas that are used again and again. */
export const TEXT = { type: "string" } as const;
export const NUMBER = { type: "number" } as const;
export const INTEGER = { type: "integer" } as const;
export const BASE64 = { type: "string", contentEncoding: "base64" } as const;
