/** The native call, and the case study's. */
import { caseStudyBody, generateBody } from "../schemas.ts";
import { BASE64, INTEGER, type Operation, objectOf, TEXT } from "./operation.ts";
import { CACHE_CONTROL, PICTURE_HEADERS } from "./picture-headers.ts";

const PICTURES = objectOf({
  images: {
    type: "array",
    items: objectOf({
      b64_json: BASE64,
      media_type: TEXT,
      width: INTEGER,
      height: INTEGER,
      seed: INTEGER,
      model: TEXT,
    }),
  },
});

const CASE_STUDY_ANSWER = {
  status: 200,
  description: "The picture.",
  headers: PICTURE_HEADERS,
  content: [
    {
      mediaType: "application/json",
      schema: objectOf({ image: BASE64, model: TEXT, seed: INTEGER, width: INTEGER, height: INTEGER, format: TEXT }),
    },
  ],
};

export const nativeOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/generate",
    tag: "Pictures",
    summary: "Draw pictures",
    description:
      "Answers with the picture's bytes. With `Accept: application/json`: JSON with base64, the only way to several pictures at once. " +
      "With `Accept: text/event-stream`: events named `preview` (a fast draft, where the policy names a model for it), `picture`, `error` " +
      "(a problem document; the last event), `promoted` (too slow, and its policy lets it go on as an export: where that is; the last " +
      "event) and `done`, with a comment into every silence of 15 s. " +
      "Equal requests with a `seed` are drawn once: joined while they are drawn, found again for as long as the policy says.",
    parameters: [CACHE_CONTROL],
    body: {
      mediaType: "application/json",
      name: "Generate",
      schema: generateBody,
      example: { prompt: "a lighthouse at dusk, long exposure", purpose: "preview", width: 1024, height: 1024 },
    },
    answers: [
      {
        status: 200,
        description: "The picture; the headers `galley-…` say what happened.",
        headers: PICTURE_HEADERS,
        content: [
          { mediaType: "image/png" },
          { mediaType: "image/webp" },
          { mediaType: "image/jpeg" },
          { mediaType: "application/json", schema: PICTURES },
          { mediaType: "text/event-stream" },
        ],
      },
    ],
    failures: [
      "invalid_request",
      "moderation_blocked",
      "model_unknown",
      "unauthenticated",
      "forbidden",
      "superseded",
      "payload_too_large",
      "unsupported_media_type",
      "rate_limited",
      "upstream_failed",
      "no_capacity",
      "deadline_exceeded",
    ],
    problems: "problem",
  },
  {
    method: "post",
    path: "/generate",
    tag: "Case study",
    summary: "Draw one picture, as the case study's client calls it",
    parameters: [CACHE_CONTROL],
    body: {
      mediaType: "application/json",
      name: "CaseStudy",
      schema: caseStudyBody,
      example: { prompt: "a fox", model: "SD3.5 Medium", timeout: 8 },
    },
    answers: [CASE_STUDY_ANSWER],
    failures: ["invalid_request", "moderation_blocked", "upstream_failed", "no_capacity", "deadline_exceeded"],
    problems: "problem",
  },
  {
    method: "get",
    path: "/generate",
    tag: "Case study",
    summary: "Draw one fixed picture, for load tests that can only GET",
    answers: [CASE_STUDY_ANSWER],
    failures: ["upstream_failed", "no_capacity", "deadline_exceeded"],
    problems: "problem",
  },
];

export const operatingOperations: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/status",
    tag: "Operating",
    summary: "What is configured, and how every place stands",
    answers: [
      { status: 200, description: "The status.", content: [{ mediaType: "application/json", schema: objectOf({}) }] },
    ],
    failures: ["unauthenticated", "forbidden"],
    problems: "problem",
  },
  {
    method: "get",
    path: "/metrics",
    tag: "Operating",
    summary: "Metrics in Prometheus' text format",
    answers: [{ status: 200, description: "The metrics.", content: [{ mediaType: "text/plain" }] }],
    failures: ["unauthenticated", "forbidden"],
    problems: "problem",
  },
  {
    method: "get",
    path: "/healthz",
    tag: "Operating",
    summary: "Is the Worker alive?",
    answers: [
      {
        status: 200,
        description: "It is.",
        content: [{ mediaType: "application/json", schema: objectOf({ status: TEXT }) }],
      },
    ],
    failures: [],
    problems: "problem",
    isPublic: true,
  },
  {
    method: "get",
    path: "/openapi.json",
    tag: "Operating",
    summary: "This description",
    answers: [
      { status: 200, description: "OpenAPI 3.1.", content: [{ mediaType: "application/json", schema: objectOf({}) }] },
    ],
    failures: [],
    problems: "problem",
    isPublic: true,
  },
  {
    method: "get",
    path: "/docs",
    tag: "Operating",
    summary: "This description as a page",
    answers: [{ status: 200, description: "The page.", content: [{ mediaType: "text/html" }] }],
    failures: [],
    problems: "problem",
    isPublic: true,
  },
];
