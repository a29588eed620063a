/**
 * Where in an upstream's JSON its picture stands. Dialects say it, the extractor of this folder follows it.
 */

/**
 * Where in a JSON document the base64 picture stands: a path of member names, `*` for any array index.
 * `unless` names a sibling member that, when `true`, means: not this one, look on (Gemini's thought parts). The first picture counts,
 * or with `which: "last"` the last one that comes before the picture begins to stream.
 */
export interface PictureField {
  readonly paths: readonly (readonly string[])[];
  readonly unless?: string;
  readonly which?: "last";
}
