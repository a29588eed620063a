/**
 * `GET /docs`: the API's description as a page. Made when the Worker is built, without a script, a font or a picture from anywhere:
 * nothing is fetched, and its headers (functions/pages/public/_headers) forbid it.
 */
import { html, raw } from "hono/html";
import type { DescribedOperation, OpenApiDocument } from "./document.ts";

const STYLE = `
:root { color-scheme: light dark; --edge: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 6%, transparent); }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2.5rem auto 4rem; padding: 0 1rem; }
h1 { margin-bottom: 0.25rem; }
h2 { margin-top: 2.25rem; font-size: 1.25rem; }
a { color: inherit; text-decoration-color: color-mix(in srgb, currentColor 45%, transparent); text-underline-offset: 0.2em; }
code, pre, dt { font: 0.875em/1.45 ui-monospace, monospace; }
p code, dd code { padding: 0.1em 0.3em; border-radius: 0.25rem; background: var(--soft); overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: 0.75rem; border-radius: 0.4rem; background: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin-top: 1rem; }
details { border: 1px solid var(--edge); border-radius: 0.4rem; margin: 0.4rem 0; padding: 0 0.75rem; }
details[open] { padding-bottom: 0.5rem; }
summary { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 0.75rem; padding: 0.5rem 0; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: "\\25b8"; width: 0.75em; }
details[open] > summary::before { content: "\\25be"; }
summary b { min-width: 4.25em; font: 600 0.8125em/1.5 ui-monospace, monospace; }
summary span { color: color-mix(in srgb, currentColor 72%, transparent); }
.get { color: light-dark(#0b5cad, #7db8f5); } .post { color: light-dark(#1a6b35, #7fd39a); } .delete { color: light-dark(#a3261f, #f39a93); }
dl { margin: 0.75rem 0; }
dt { margin-top: 0.6rem; font-weight: 600; } dt code { font-size: 1em; font-weight: 400; opacity: 0.75; }
dd { margin: 0.1rem 0 0 1.5rem; }
`;

/** The page. */
export function docsPage({ info, paths, components }: OpenApiDocument): string {
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(calls.flatMap(({ operation }) => operation.tags))];
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title} API</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<h1>${info.title} API</h1>
<p>${info.summary} The same for machines: <a href="openapi.json">openapi.json</a>.</p>
<nav>${[...tags, "Bodies"].map((tag) => html`<a href="#${anchorOf(tag)}">${tag}</a>`)}</nav>
${tags.map(
  (tag) =>
    html`<h2 id="${anchorOf(tag)}">${tag}</h2>${calls
      .filter(({ operation }) => operation.tags.includes(tag))
      .map(({ path, method, operation }) => callOf({ path, method, operation, schemas: components.schemas }))}`,
)}
<h2 id="bodies">Bodies</h2>
${Object.entries(components.schemas).map(
  ([name, schema]) =>
    html`<details id="${name}"><summary>${name}</summary><pre>${JSON.stringify(schema, null, 2)}</pre></details>`,
)}
</body>
</html>
`);
}

interface Call {
  readonly path: string;
  readonly method: string;
  readonly operation: DescribedOperation;
  readonly schemas: OpenApiDocument["components"]["schemas"];
}

function callOf({ path, method, operation, schemas }: Call) {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  return html`<details>
<summary><b class="${method}">${method.toUpperCase()}</b> <code>${path}</code> <span>${withCode(summary)}</span></summary>
${description === undefined ? "" : html`<p>${withCode(description)}</p>`}
${parameters.length === 0 ? "" : html`<dl>${parameters.map((one) => html`<dt>${one.name} <code>${one.in}</code></dt><dd>${withCode(one.description)}</dd>`)}</dl>`}
${Object.entries(requestBody?.content ?? {}).map(([mediaType, { schema, example }]) => {
  const name = Object.keys(schemas).find((one) => JSON.stringify(schema).includes(`/${one}"`)) ?? "";
  const shown = example === undefined ? "" : html`<pre>${JSON.stringify(example, null, 2)}</pre>`;
  return html`<p>Body: <a href="#${name}">${name}</a> as <code>${mediaType}</code></p>${shown}`;
})}
<dl>${Object.entries(responses).map(
    ([status, answer]) =>
      html`<dt>${status} <code>${Object.keys(answer.content ?? {}).join(", ")}</code></dt><dd>${withCode(answer.description)}</dd>`,
  )}</dl>
</details>`;
}

/** Words between backticks as code. */
function withCode(text: string) {
  return text.split("`").map((part, at) => (at % 2 === 0 ? part : html`<code>${part}</code>`));
}

const anchorOf = (tag: string): string => tag.toLowerCase().replaceAll(/[^a-z]+/g, "-");
