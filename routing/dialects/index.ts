/**
 * All dialects by name.
 */
import type { DialectName } from "../config/snapshot.ts";
import type { Dialect } from "./dialect.ts";
import { generate } from "./generate.ts";
import { openaiImages } from "./openai-images/openai-images.ts";

export { costOf, type Usage } from "./cost.ts";
export type * from "./dialect.ts";

const DIALECTS: Readonly<Partial<Record<DialectName, Dialect>>> = {
  generate,
  "openai-images": openaiImages,
};

/** The dialect of that name. Throws for one that is not built in: the catalogue's schema lets no such name through. */
export function dialectOf(name: DialectName): Dialect {
  const dialect = DIALECTS[name];
  if (dialect === undefined) throw new Error(`no dialect ${name}`);
  return dialect;
}
