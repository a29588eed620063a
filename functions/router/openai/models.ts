/**
 * `GET /v1/models`: what a client may send as `model`: `auto`, the purposes, and the models of the catalogue that draw.
 */
import { findModel, knownPurposes, type Model } from "../../../routing/index.ts";
import type { RequestContext } from "../request-context.ts";
import { identityHeaders, openAiErrorResponse } from "./error.ts";

interface ListedModel {
  readonly id: string;
  readonly object: "model";
  /** Epoch s: when the configuration that names it was pushed; 0 for the one bundled at build. */
  readonly created: number;
  readonly owned_by: "galley";
  readonly galley: { readonly kind: "auto" | "purpose" | "model"; readonly name?: string; readonly pin?: string };
}

/** The list. */
export function answerModels(context: RequestContext): Response {
  return answer({ object: "list", data: listModels(context) }, context);
}

/** One of them, by id or by any spelling of a model's name. */
export function answerModel(name: string, context: RequestContext): Response {
  const id = findModel(context.snapshot.content.catalog, name)?.id ?? name;
  const listed = listModels(context).find((model) => model.id === id);
  if (listed !== undefined) return answer(listed, context);
  const detail = "There is no such model; GET /v1/models lists them.";
  return openAiErrorResponse({ code: "model_unknown", detail, path: "/model" }, context);
}

function listModels({ snapshot, served }: RequestContext): readonly ListedModel[] {
  const { routing, catalog } = snapshot.content;
  const created = Math.floor((served.pointer?.pushedAtMs ?? 0) / 1000);
  const list = (id: string, galley: ListedModel["galley"]): ListedModel => ({
    id,
    object: "model",
    created,
    owned_by: "galley",
    galley,
  });
  const drawing = Object.values(catalog.models).filter((model: Model) => model.kind === "generate");
  return [
    list("auto", { kind: "auto" }),
    ...[...knownPurposes(routing)].map((purpose) => list(purpose, { kind: "purpose" })),
    ...drawing.map(({ id, name, pin }) => list(id, { kind: "model", name, pin })),
  ];
}

function answer(body: object, { requestId, snapshot }: RequestContext): Response {
  return new Response(JSON.stringify(body), {
    headers: {
      ...identityHeaders(requestId),
      "galley-config": snapshot.version,
      "content-type": "application/json",
      "cache-control": "no-store",
    },
  });
}
