/**
 * Text overlays for models that have no parameter for them: a plain instruction after the prompt.
 */
import type { TextOverlay } from "../image/request.ts";

/** The prompt with the lines that must be legible in the picture; unchanged when there are none. */
export function withOverlayText(prompt: string, text: readonly TextOverlay[]): string {
  if (text.length === 0) return prompt;
  const lines = text.map((overlay) => `"${overlay.content.replaceAll('"', "'")}"`).join(", ");
  const separator = /[.!?\s]$/.test(prompt) ? " " : ". ";
  return `${prompt.trimEnd()}${separator.trimEnd()} The picture shows this text, legible and spelled exactly so: ${lines}.`;
}
