/**
 * Takes `data:image/png;base64,` off the front of a text that comes in runs; a text without it passes unchanged.
 */

const SCHEME = "data:";
const MARK = ";base64";

/** Characters within which the comma must come: media types with parameters are far shorter. */
const MAX_PREFIX_CHARACTERS = 256;

export interface DataUrlPrefix {
  /** What of the run is base64, "" while that is open, `undefined` when the URL holds something else than base64. */
  push(run: string): string | undefined;
  /** What was held back at the end of a text too short to tell. */
  end(): string;
}

export function createDataUrlPrefix(): DataUrlPrefix {
  let held = "";
  let passed = false;
  return {
    end: () => (passed ? "" : held),
    push(run) {
      if (passed) return run;
      held += run;
      if (held.length < SCHEME.length) return "";
      if (held.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
        passed = true;
        return held;
      }
      const comma = held.indexOf(",");
      if (comma === -1) return held.length > MAX_PREFIX_CHARACTERS ? undefined : "";
      passed = true;
      return held.slice(0, comma).toLowerCase().endsWith(MARK) ? held.slice(comma + 1) : undefined;
    },
  };
}
