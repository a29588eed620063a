/**
 * The API's description, OpenAPI 3.1, from the schemas that check its bodies. Printed when the Worker is built, so that
 * the generator does not ship with it. Public: it says nothing of what is configured.
 */
import * as z from "zod/mini";
import { REQUEST_FAILURES, type RequestFailureCode } from "../../../routing/index.ts";
import { openAiStatus } from "../openai/error.ts";
import { canaryOperations, exportOperations } from "./export-operations.ts";
import { nativeOperations, operatingOperations } from "./native-operations.ts";
import { openAiOperations } from "./openai-operations.ts";
import { type Answer, type Content, INTEGER, type Operation, objectOf, TEXT } from "./operation.ts";

type Json = Readonly<Record<string, unknown>>;

/** What of the document the page (docs-page.ts) shows; the rest is for machines. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly summary: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

export interface DescribedOperation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description: string }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, DescribedContent>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Json }>>;
}

export interface DescribedContent {
  readonly schema: Json;
  readonly example?: Json;
}

/** Every call, in the order in which people read of them. */
export const OPERATIONS: readonly Operation[] = [
  ...nativeOperations,
  ...openAiOperations,
  ...exportOperations,
  ...canaryOperations,
  ...operatingOperations,
];

const PROBLEM = objectOf({
  type: TEXT,
  title: TEXT,
  status: INTEGER,
  detail: TEXT,
  code: { enum: Object.keys(REQUEST_FAILURES) },
  request_id: TEXT,
  "path?": { ...TEXT, description: "JSON pointer to the member that is wrong." },
  "retry_after_ms?": INTEGER,
});

const NULLABLE = { type: ["string", "null"] } as const;

const OPENAI_ERROR = objectOf({
  error: objectOf({ message: TEXT, type: TEXT, param: NULLABLE, code: NULLABLE }),
});

/** The version of the API, which stands in its paths. */
const VERSION = "1";

/** The whole document. */
export function openApiDocument(): OpenApiDocument {
  const paths: Record<string, Record<string, DescribedOperation>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: toOperation(operation) };
  }
  const document = {
    openapi: "3.1.0",
    info: {
      title: "Galley",
      version: VERSION,
      summary: "An edge router for image generation.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ key: [] }],
    tags: [...new Set(OPERATIONS.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: { ...bodySchemas(), Problem: PROBLEM, OpenAiError: OPENAI_ERROR },
    },
  };
  return document;
}

/** The methods that each path takes, in capitals and in order. */
export function methodsByPath({ paths }: OpenApiDocument): Readonly<Record<string, readonly string[]>> {
  const capitals = (methods: object) => Object.keys(methods).map((method) => method.toUpperCase());
  return Object.fromEntries(Object.entries(paths).map(([path, methods]) => [path, capitals(methods).sort()]));
}

function bodySchemas(): Record<string, Json> {
  return Object.fromEntries(
    OPERATIONS.flatMap(({ body }) => {
      if (body === undefined) return [];
      const { $schema: _dialect, ...schema } = z.toJSONSchema(body.schema, { io: "input" });
      return [[body.name, schema]];
    }),
  );
}

function toOperation(operation: Operation): DescribedOperation & Json {
  const { method, path, tag, summary, description, parameters, body, answers } = operation;
  const words = path.split(/[^a-z]+/).filter((word) => word !== "");
  return {
    operationId: [method, ...words].join("_"),
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters: parameters.map((one) => ({ schema: TEXT, ...one })) }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: bodyContent(body) } }),
    responses: {
      ...Object.fromEntries(
        answers.map(({ status, headers, ...answer }) => [
          status,
          { ...toAnswer(answer.description, answer.content), ...(headers === undefined ? {} : toHeaders(headers)) },
        ]),
      ),
      ...failureAnswers(operation),
    },
    ...(operation.isPublic ? { security: [] } : {}),
  };
}

function bodyContent({
  mediaType,
  name,
  files,
  example,
}: NonNullable<Operation["body"]>): Record<string, DescribedContent> {
  const schema = { $ref: `#/components/schemas/${name}` };
  const file = (description: string) => ({ type: "string", contentMediaType: "application/octet-stream", description });
  const withFiles = files && {
    allOf: [
      schema,
      {
        type: "object",
        properties: Object.fromEntries(Object.entries(files).map(([member, words]) => [member, file(words)])),
        required: ["image"],
      },
    ],
  };
  return { [mediaType]: { schema: withFiles ?? schema, ...(example === undefined ? {} : { example }) } };
}

/** One answer a status, naming the codes that have it. */
function failureAnswers({ failures, problems }: Operation): DescribedOperation["responses"] {
  const byStatus = new Map<number, RequestFailureCode[]>();
  for (const code of failures) {
    const status = problems === "openai" ? openAiStatus(code) : REQUEST_FAILURES[code].status;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content: Content =
    problems === "openai"
      ? { mediaType: "application/json", schema: { $ref: "#/components/schemas/OpenAiError" } }
      : { mediaType: "application/problem+json", schema: { $ref: "#/components/schemas/Problem" } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const words = codes.map((code) => `${REQUEST_FAILURES[code].title} (\`${code}\`).`);
      return [status, toAnswer(words.join(" "), [content])];
    }),
  );
}

function toHeaders(headers: NonNullable<Answer["headers"]>): Json {
  const described = Object.entries(headers).map(([name, description]) => [name, { description, schema: TEXT }]);
  return { headers: Object.fromEntries(described) };
}

function toAnswer(
  description: string,
  content: readonly Content[] = [],
): { readonly description: string; readonly content?: Json } {
  if (content.length === 0) return { description };
  return {
    description,
    content: Object.fromEntries(
      content.map(({ mediaType, schema }) => [mediaType, schema === undefined ? {} : { schema }]),
    ),
  };
}
