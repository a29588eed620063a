/**
 * Prints what is made of the API's description when the Worker is built, as one JSON object: the files that are served as they are, and
 * the methods of each path, which the Worker itself needs.
 */
import { docsPage } from "./docs-page.ts";
import { methodsByPath, openApiDocument } from "./document.ts";

const document = openApiDocument();

console.log(
  JSON.stringify({
    files: { "openapi.json": JSON.stringify(document), "docs.html": docsPage(document) },
    methods: methodsByPath(document),
  }),
);
