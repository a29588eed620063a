/** Prints the API's description: run on Node by wrangler's build step, before the Worker is bundled. */
import { openApiDocument } from "./document.ts";

console.log(JSON.stringify(openApiDocument()));
