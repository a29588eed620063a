/**
 * `GET /docs`: the API's description as a page. Made when the Worker is built, without a script, a font or a picture from anywhere:
 * nothing is fetched, and its headers (functions/pages/public/_headers) forbid it.
 */
import { html } from "hono/html";
import type { DescribedOperation, OpenApiDocument } from "./document.ts";

const STYLE = `
:root { color-scheme: light dark; --edge: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 0.875em/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid var(--edge); border-radius: 0.4rem; }
details { border: 1px solid var(--edge); border-radius: 0.4rem; margin: 0.5rem 0; padding: 0.5rem 0.75rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5em; font-family: ui-monospace, monospace; }
dt { font-family: ui-monospace, monospace; }
dd { margin: 0 0 0.4rem 1.5rem; }
h2 { margin-top: 2rem; }
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
<style>${STYLE}</style>
</head>
<body>
<h1>${info.title} API</h1>
<p>${info.summary} The same for machines: <a href="openapi.json">openapi.json</a>.</p>
${tags.map(
  (tag) =>
    html`<h2>${tag}</h2>${calls
      .filter(({ operation }) => operation.tags.includes(tag))
      .map(({ path, method, operation }) => callOf({ path, method, operation, schemas: components.schemas }))}`,
)}
<h2>Bodies</h2>
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
  const { summary, description = "", parameters = [], requestBody, responses } = operation;
  return html`<details>
<summary><b>${method.toUpperCase()}</b> <code>${path}</code> ${summary}</summary>
<p>${description}</p>
${parameters.length === 0 ? "" : html`<dl>${parameters.map((one) => html`<dt>${one.name} (${one.in})</dt><dd>${one.description}</dd>`)}</dl>`}
${Object.entries(requestBody?.content ?? {}).map(([mediaType, { schema, example }]) => {
  const name = Object.keys(schemas).find((one) => JSON.stringify(schema).includes(`/${one}"`)) ?? "";
  const shown = example === undefined ? "" : html`<pre>${JSON.stringify(example, null, 2)}</pre>`;
  return html`<p>Body: <a href="#${name}">${name}</a> as <code>${mediaType}</code></p>${shown}`;
})}
<dl>${Object.entries(responses).map(
    ([status, answer]) =>
      html`<dt>${status} ${Object.keys(answer.content ?? {}).join(", ")}</dt><dd>${answer.description}</dd>`,
  )}</dl>
</details>`;
}
