/** Durable exports, and canaries. */
import { commandBody } from "../rollouts/schemas.ts";
import { exportBody } from "../schemas.ts";
import { type Answer, INTEGER, type Operation, objectOf, type Parameter, TEXT } from "./operation.ts";

const ID: Parameter = { name: "id", in: "path", description: "The export's id.", required: true };

const STATE = objectOf({
  name: TEXT,
  id: TEXT,
  done: { type: "boolean" },
  metadata: { type: "object" },
  "response?": { type: "object" },
  "error?": { type: "object" },
});

const json = (status: number, description: string, schema: Readonly<Record<string, unknown>>): Answer => ({
  status,
  description,
  content: [{ mediaType: "application/json", schema }],
});

const IMAGE: Answer = {
  status: 200,
  description: "The picture; ranges and `If-None-Match` are honoured.",
  content: [{ mediaType: "image/png" }, { mediaType: "image/webp" }, { mediaType: "image/jpeg" }],
};

const exportOperation = (
  operation: Pick<Operation, "method" | "path" | "summary" | "answers"> & Partial<Operation>,
): Operation => ({
  tag: "Exports",
  failures: ["unauthenticated", "not_found"],
  problems: "problem",
  ...operation,
});

export const exportOperations: readonly Operation[] = [
  exportOperation({
    method: "post",
    path: "/v1/exports",
    summary: "Order a picture that is worth waiting for",
    parameters: [
      { name: "Idempotency-Key", in: "header", description: "The same key and body come to the same export." },
      { name: "Prefer", in: "header", description: "`wait=8`: answer with the picture if it is there within 8 s." },
    ],
    body: {
      mediaType: "application/json",
      name: "Export",
      schema: exportBody,
      example: { prompt: "a poster", width: 2048 },
    },
    answers: [
      json(202, "Taken. `Location` is where to look, `Retry-After` when.", STATE),
      { ...IMAGE, description: "The picture, where the caller preferred to wait and it was ready." },
    ],
    failures: [
      "invalid_request",
      "unauthenticated",
      "forbidden",
      "idempotency_mismatch",
      "rate_limited",
      "not_configured",
    ],
  }),
  exportOperation({
    method: "get",
    path: "/v1/exports",
    summary: "List exports, newest first",
    parameters: [
      { name: "limit", in: "query", description: "1 to 100; 20 where absent.", schema: INTEGER },
      { name: "cursor", in: "query", description: "`next_cursor` of the page before." },
      { name: "state", in: "query", description: "Only those in this state." },
      { name: "route", in: "query", description: "Only those of this route." },
    ],
    answers: [
      json(200, "A page.", objectOf({ exports: { type: "array", items: { type: "object" } }, "next_cursor?": TEXT })),
    ],
    failures: ["invalid_request", "unauthenticated"],
  }),
  exportOperation({
    method: "get",
    path: "/v1/exports/{id}",
    summary: "The state of an export",
    parameters: [ID],
    answers: [json(200, "Its state.", STATE)],
  }),
  exportOperation({
    method: "delete",
    path: "/v1/exports/{id}",
    summary: "Cancel an export",
    parameters: [ID],
    answers: [json(200, "Its state.", STATE)],
  }),
  exportOperation({
    method: "get",
    path: "/v1/exports/{id}/events",
    summary: "Follow an export",
    parameters: [ID, { name: "Last-Event-ID", in: "header", description: "Go on behind this event." }],
    answers: [{ status: 200, description: "Its events.", content: [{ mediaType: "text/event-stream" }] }],
  }),
  exportOperation({
    method: "get",
    path: "/v1/exports/{id}/image",
    summary: "The finished picture",
    description: "With a key, or with the query of a signed link.",
    parameters: [ID],
    answers: [
      IMAGE,
      { status: 206, description: "The asked range." },
      { status: 304, description: "The caller has it." },
    ],
    failures: ["unauthenticated", "forbidden", "not_found", "conflict"],
  }),
  exportOperation({
    method: "post",
    path: "/v1/exports/{id}/links",
    summary: "Make a link to the picture that needs no key",
    parameters: [
      ID,
      { name: "expires_in", in: "query", description: "Seconds; an hour where absent.", schema: INTEGER },
    ],
    answers: [json(201, "The link.", objectOf({ url: TEXT, expires_at: TEXT }))],
    failures: ["invalid_request", "unauthenticated", "not_found", "not_configured"],
  }),
  exportOperation({
    method: "post",
    path: "/v1/exports/{id}/webhook",
    summary: "Send the webhook again",
    parameters: [ID],
    answers: [json(202, "It will be sent.", STATE)],
    failures: ["unauthenticated", "not_found", "conflict"],
  }),
];

const CANARY: Parameter = {
  name: "name",
  in: "path",
  description: "The canary's name in the routing file.",
  required: true,
};

export const canaryOperations: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/canaries",
    tag: "Operating",
    summary: "The canaries and the push that is judged, and how they stand",
    answers: [json(200, "All of them.", objectOf({ canaries: { type: "array", items: { type: "object" } } }))],
    failures: ["unauthenticated", "forbidden"],
    problems: "problem",
  },
  {
    method: "get",
    path: "/v1/canaries/{name}",
    tag: "Operating",
    summary: "One of them",
    parameters: [CANARY],
    answers: [json(200, "The canary.", objectOf({}))],
    failures: ["unauthenticated", "forbidden", "not_found"],
    problems: "problem",
  },
  {
    method: "post",
    path: "/v1/canaries/{name}",
    tag: "Operating",
    summary: "Start, pause, widen, promote or abort a canary",
    parameters: [CANARY],
    body: { mediaType: "application/json", name: "CanaryCommand", schema: commandBody, example: { command: "pause" } },
    answers: [json(200, "The canary.", objectOf({}))],
    failures: ["invalid_request", "unauthenticated", "forbidden", "not_found", "conflict"],
    problems: "problem",
  },
];
