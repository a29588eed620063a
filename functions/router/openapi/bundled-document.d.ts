/** The API's description, printed at build time (print-document.ts); wrangler.toml's alias finds it. */
declare module "galley-openapi" {
  const document: unknown;
  export default document;
}
