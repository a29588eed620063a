/**
 * TypeScript without its comments and with its strings taken out, so that a search finds code only.
 *
 * Each string becomes `"<index>"`, its content goes into `strings`; code inside `${…}` stays; a regular expression becomes `/0/`.
 * Whether a slash divides or opens a regular expression is told by what stands before it: enough for formatted code.
 */

export interface MaskedSource {
  readonly code: string;
  readonly strings: readonly string[];
}

/** After these a slash opens a regular expression: nothing that could be divided has ended. */
const BEFORE_REGEX = /(?:^|[([{},;:=!&|?+\-*%~^<>]|\b(?:return|typeof|case|in|of|await|yield|void|delete|throw))\s*$/;

const PARTS = {
  lineComment: /\/\/[^\n]*/y,
  blockComment: /\/\*[\s\S]*?\*\//y,
  string: /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y,
  regex: /\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y,
} as const;

/** Masks one file. */
export function maskSource(text: string): MaskedSource {
  const strings: string[] = [];
  let code = "";
  let at = 0;
  /** Depth of braces at which each open template goes on. */
  const templates: number[] = [];
  let depth = 0;

  const take = (part: keyof typeof PARTS): string | undefined => {
    PARTS[part].lastIndex = at;
    const found = PARTS[part].exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const keep = (content: string) => {
    code += `"${strings.length}"`;
    strings.push(content);
  };
  /** Text of a template up to its end or to the next `${`. */
  const takeTemplate = () => {
    const start = at;
    while (at < text.length && text[at] !== "`" && !text.startsWith("${", at)) at += text[at] === "\\" ? 2 : 1;
    const content = text.slice(start, at);
    if (text[at] === "`") {
      at += 1;
      return keep(content);
    }
    at += 2;
    templates.push(depth);
    code += "`+(";
  };

  while (at < text.length) {
    const char = text[at];
    if (take("lineComment") !== undefined || take("blockComment") !== undefined) {
      code += " ";
    } else if (char === '"' || char === "'") {
      const literal = take("string");
      if (literal === undefined) at += 1;
      else keep(literal.slice(1, -1));
    } else if (char === "`") {
      at += 1;
      takeTemplate();
    } else if (char === "/" && BEFORE_REGEX.test(code.slice(-20)) && take("regex") !== undefined) {
      code += "/0/";
    } else if (char === "}" && templates.at(-1) === depth) {
      templates.pop();
      at += 1;
      code += ")+`";
      takeTemplate();
    } else {
      if (char === "{") depth += 1;
      if (char === "}") depth -= 1;
      code += char;
      at += 1;
    }
  }
  return { code, strings };
}
