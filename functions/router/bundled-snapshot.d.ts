/** The snapshot compiled at build time; `infra/build.ts` writes it and wrangler.toml's alias finds it. */
declare module "galley-bundled-snapshot" {
  const snapshot: unknown;
  export default snapshot;
}
