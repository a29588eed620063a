/**
 * Does a prompt ask for words to be drawn? Finds the quoted strings that are meant to be read in the picture.
 *
 * Double quotes of any script count unless the words before them say otherwise (`in the style of "…"`, `without "…"`); single
 * quotes double as apostrophes, so they count only right after a word that announces text (`reads 'OPEN'`). Leans towards
 * finding: a picture with garbled letters costs more than one drawn by the typography model for nothing. The cue words are English.
 */

/** Longest quotation that can be a thing to draw, characters; longer ones are dialogue or an unclosed quote. */
const MAX_QUOTED = 200;

/** Opening and closing marks that only ever quote, in order of preference where one mark opens in one language and closes in another. */
const PAIRS = [
  ["“", "”"],
  ["„", "“”"],
  ["”", "”"],
  ["«", "»"],
  ["»", "«"],
  ["「", "」"],
  ["『", "』"],
  ["《", "》"],
  ["〝", "〞"],
  ["＂", "＂"],
] as const;

/** A straight double quote opens unless it follows a digit (inches: `5" x 7"`), and only right before what it quotes. */
const STRAIGHT = `(?<![\\d½¼¾])"(?=\\S)[^"\\n]{1,${MAX_QUOTED}}"`;

/** One pattern for all, so that a scan from left to right never takes the gap between two quotations for a third. */
const CERTAIN = new RegExp(
  [STRAIGHT, ...PAIRS.map(([open, close]) => `${open}[^${open}${close}\\n]{1,${MAX_QUOTED}}[${close}]`)].join("|"),
  "gu",
);

/** Single quotes: opened after a space or bracket, closed before something that is no letter. */
const SINGLE = new RegExp(
  `(?<![^\\s(\\[{:,])['‘](?=\\S)(?:[^'‘’\\n]|(?<=\\p{L})['’](?=\\p{L})){1,${MAX_QUOTED}}(?<=\\S)['’](?![\\p{L}\\p{N}])`,
  "gu",
);

const ANNOUNCES_TEXT =
  /\b(?:says?|saying|reads?|reading|texts?|words?|wording|letters?|lettering|written|writes?|spells?|spelling|captions?|captioned|slogan|headline|titled?|label(?:l?ed)?|logo|sign|inscribed|inscription|printed|engraved|typed)\s*[:,=-]?\s*$/iu;

const RULES_OUT =
  /\b(?:styles? of|inspired by|based on|(?:scene|still|frame|poster|character) from|reminiscent of|similar to|without|no|not|never|avoid|remove|delete|erase|omit)(?:\s+(?:the|any|a|an|words?|text|letters?|lettering|phrase|film|movie|book|novel|game|painting|song))*\s*[:,]?\s*$/iu;

/** Longest stretch of text that is looked at for a cue before a quotation, characters. */
const CUE_WINDOW = 60;

/** The quoted strings that a prompt asks to render, certain ones first; empty when there are none. */
export function findQuotedText(prompt: string): readonly string[] {
  const certain = quotations(prompt, CERTAIN);
  const doubtful = quotations(prompt, SINGLE).filter((found) => ANNOUNCES_TEXT.test(found.before));
  return [...certain, ...doubtful].filter(isToBeDrawn).map((found) => found.text);
}

interface Quotation {
  readonly text: string;
  readonly before: string;
}

function quotations(prompt: string, pattern: RegExp): Quotation[] {
  return Array.from(prompt.matchAll(pattern), (match) => ({
    text: match[0].slice(1, -1).trim(),
    before: prompt.slice(Math.max(0, match.index - CUE_WINDOW), match.index),
  }));
}

function isToBeDrawn(found: Quotation): boolean {
  return /[\p{L}\p{N}]/u.test(found.text) && !RULES_OUT.test(found.before);
}
