/**
 * The fonts of the pictures: DejaVu from npm, because a bare machine has none. Loaded once a process.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { GlobalFonts } from "@napi-rs/canvas";

/** Name of the sans-serif face for `context.font`. */
export const SANS = "Galley Sans";
/** Name of the serif face for `context.font`. */
export const SERIF = "Galley Serif";

const folder = join(dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/package.json")), "ttf");
for (const [file, name] of [
  ["DejaVuSans-Bold.ttf", SANS],
  ["DejaVuSerif-Bold.ttf", SERIF],
] as const) {
  if (!GlobalFonts.registerFromPath(join(folder, file), name)) throw new Error(`font ${file} could not be read`);
}
