/** The methods of each path of the description, written when the Worker is built (print-pages.ts); wrangler.toml's alias finds it. */
declare module "galley-methods" {
  const methods: unknown;
  export default methods;
}
