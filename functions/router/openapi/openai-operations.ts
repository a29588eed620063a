/** The calls of OpenAI's clients. */
import type { RequestFailureCode } from "../../../routing/index.ts";
import { imagesBody } from "../openai/schemas.ts";
import { type Answer, BASE64, INTEGER, type Operation, objectOf, TEXT } from "./operation.ts";
import { CACHE_CONTROL, PICTURE_HEADERS } from "./picture-headers.ts";

const TAG = "OpenAI-compatible";

const IMAGES: Answer = {
  status: 200,
  description:
    "The pictures. With `stream: true`: events `image_generation.partial_image` (a draft), `image_generation.completed` (`image_edit.…` " +
    "for edits), `error`, and `[DONE]`.",
  headers: PICTURE_HEADERS,
  content: [
    {
      mediaType: "application/json",
      schema: objectOf({
        created: INTEGER,
        output_format: TEXT,
        size: TEXT,
        "usage?": objectOf({ input_tokens: INTEGER, output_tokens: INTEGER, total_tokens: INTEGER }),
        data: {
          type: "array",
          items: objectOf({
            "b64_json?": BASE64,
            "url?": TEXT,
            seed: INTEGER,
            model: TEXT,
            width: INTEGER,
            height: INTEGER,
          }),
        },
      }),
    },
    { mediaType: "text/event-stream" },
  ],
};

const FAILURES: readonly RequestFailureCode[] = [
  "invalid_request",
  "moderation_blocked",
  "unauthenticated",
  "model_unknown",
  "superseded",
  "payload_too_large",
  "unsupported_media_type",
  "rate_limited",
  "upstream_failed",
  "no_capacity",
  "deadline_exceeded",
];

const RETRIES =
  "A retry of the OpenAI SDKs (`x-stainless-retry-count`) goes on with the work of the first try, or is handed what it made within ten " +
  "seconds; a failure that no retry can help is told again without trying.";

const MODEL = objectOf({ id: TEXT, object: TEXT, created: INTEGER, owned_by: TEXT, galley: objectOf({ kind: TEXT }) });

export const openAiOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/images/generations",
    tag: TAG,
    summary: "Draw pictures",
    description: `\`model\` is \`auto\`, a purpose, or a model of the catalogue. Unknown members are let through and named in \`galley-warning\`. ${RETRIES}`,
    parameters: [CACHE_CONTROL],
    body: {
      mediaType: "application/json",
      name: "Images",
      schema: imagesBody,
      example: { model: "auto", prompt: "a lighthouse at dusk", size: "1024x1024" },
    },
    answers: [IMAGES],
    failures: FAILURES,
    problems: "openai",
  },
  {
    method: "post",
    path: "/v1/images/edits",
    tag: TAG,
    summary: "Draw a picture anew after one that is sent",
    description: `A picture as \`image\`, or up to 16 as \`image[]\` where the model takes so many, and a \`mask\` where it takes one; 16 MiB in all. Without a size, the picture's own, up to a megapixel. ${RETRIES}`,
    parameters: [CACHE_CONTROL],
    body: {
      mediaType: "multipart/form-data",
      name: "Images",
      schema: imagesBody,
      files: {
        image: "PNG, JPEG or WebP",
        mask: "PNG: transparent where the picture may change; where nothing is transparent, white",
      },
    },
    answers: [IMAGES],
    failures: FAILURES,
    problems: "openai",
  },
  {
    method: "get",
    path: "/v1/images/{id}",
    tag: TAG,
    summary: "Open a link to a picture",
    description: "Links come as `url` in an answer and open for an hour. Who has the link may look.",
    parameters: [
      { name: "id", in: "path", description: "SHA-256 of the picture, in hex.", required: true },
      { name: "exp", in: "query", description: "When it expires, epoch seconds.", schema: INTEGER, required: true },
      { name: "sig", in: "query", description: "The signature.", required: true },
    ],
    answers: [
      {
        status: 200,
        description: "The picture.",
        content: [{ mediaType: "image/png" }, { mediaType: "image/webp" }, { mediaType: "image/jpeg" }],
      },
      { status: 304, description: "The caller has it already." },
    ],
    failures: ["not_found"],
    problems: "openai",
    isPublic: true,
  },
  {
    method: "get",
    path: "/v1/models",
    tag: TAG,
    summary: "What may be asked for as `model`",
    answers: [
      {
        status: 200,
        description: "`auto`, the purposes, and the models.",
        content: [
          {
            mediaType: "application/json",
            schema: objectOf({ object: TEXT, data: { type: "array", items: MODEL } }),
          },
        ],
      },
    ],
    failures: ["unauthenticated"],
    problems: "openai",
  },
  {
    method: "get",
    path: "/v1/models/{name}",
    tag: TAG,
    summary: "One of them",
    parameters: [
      { name: "name", in: "path", description: "Its id, or any spelling of a model's name.", required: true },
    ],
    answers: [{ status: 200, description: "The model.", content: [{ mediaType: "application/json", schema: MODEL }] }],
    failures: ["unauthenticated", "model_unknown"],
    problems: "openai",
  },
];
