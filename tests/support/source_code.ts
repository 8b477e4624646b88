/**
 * Reads TypeScript just far enough for the tidy rules: what is code, what a file imports, where
 * its functions begin and end. A scanner, not a parser: it knows comments, strings, templates,
 * regular expressions and braces.
 *
 * @module
 */

/** A keyword or sign after which a slash opens a regular expression instead of dividing. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^\n]|\b(?:return|typeof|case|in|of|do|else))\s*$/;

/** Statements whose block is not a function's body. */
const BLOCK_STATEMENT = /\b(?:if|for|while|switch|catch|with)\s*(?:await\s*)?$/;

/** `text` with every comment and the inside of every string blanked; as long as before. */
export function codeOnly(text: string): string {
  return new Scanner(text).run();
}

/** Deepest nesting of templates within templates; the house has none deeper than two. */
const TEMPLATE_DEPTH_MAX = 32;

class Scanner {
  readonly #text: string;
  readonly #out: string[];
  #at = 0;
  /** Open braces of each template's `${`, innermost last. */
  readonly #templates: number[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#out = [...new Array(text.length)].map((_unused, index) => text[index]);
  }

  run(): string {
    while (this.#at < this.#text.length) this.#step();
    return this.#out.join("");
  }

  #step(): void {
    const here = this.#text[this.#at];
    const two = this.#text.slice(this.#at, this.#at + 2);
    if (two === "//") return this.#blankTo(this.#find("\n"));
    if (two === "/*") return this.#blankTo(this.#find("*/", 2) + 2);
    if (here === '"' || here === "'") return this.#string(here);
    if (here === "`") return this.#template();
    if (here === "/" && this.#regexMayStart()) return this.#regex();
    if (here === "{" && this.#templates.length > 0) this.#templates[this.#templates.length - 1]++;
    if (here === "}" && this.#templates.length > 0) {
      if (--this.#templates[this.#templates.length - 1] === 0) {
        this.#templates.pop();
        return this.#template();
      }
    }
    this.#at++;
  }

  #find(end: string, from = 0): number {
    const found = this.#text.indexOf(end, this.#at + from);
    return found < 0 ? this.#text.length : found;
  }

  #blankTo(end: number): void {
    for (; this.#at < Math.min(end, this.#text.length); this.#at++) {
      if (this.#text[this.#at] !== "\n") this.#out[this.#at] = " ";
    }
  }

  #string(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== "\n") {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#at++;
    this.#blankTo(end);
    this.#at++;
  }

  /** From a backtick or the brace that ends an insertion to the next insertion or the end. */
  #template(): void {
    this.#at++;
    let end = this.#at;
    while (end < this.#text.length && this.#text[end] !== "`") {
      if (this.#text.startsWith("${", end)) {
        if (this.#templates.length === TEMPLATE_DEPTH_MAX) throw new RangeError("Template depth");
        this.#blankTo(end);
        this.#templates.push(0);
        return;
      }
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#blankTo(end);
    this.#at++;
  }

  #regexMayStart(): boolean {
    const before = this.#out.slice(Math.max(0, this.#at - 40), this.#at).join("");
    return BEFORE_REGEX.test(before);
  }

  #regex(): void {
    let inClass = false;
    let end = this.#at + 1;
    for (; end < this.#text.length && this.#text[end] !== "\n"; end++) {
      const here = this.#text[end];
      if (here === "\\") end++;
      else if (here === "[") inClass = true;
      else if (here === "]") inClass = false;
      else if (here === "/" && !inClass) break;
    }
    this.#at++;
    this.#blankTo(end);
    this.#at++;
  }
}

/** The specifiers a file imports or re-exports, in order, types included. */
export function importedBy(text: string): string[] {
  const code = codeOnly(text);
  const found: string[] = [];
  for (const match of code.matchAll(/\b(?:from|import)\s*\(?\s*(["'])/g)) {
    const start = match.index + match[0].length;
    found.push(text.slice(start, code.indexOf(match[1], start)));
  }
  return found;
}

/** A function with its body on more than one line. */
export interface FunctionSpan {
  /** Line the body opens on, from 1. */
  readonly line: number;
  readonly lines: number;
}

/** The functions, methods and arrow functions of a file. */
export function functionsOf(text: string): FunctionSpan[] {
  const code = codeOnly(text);
  const open: { at: number; isFunction: boolean; before: string }[] = [];
  const spans: FunctionSpan[] = [];
  let closedBefore = ""; // What stood before the brace that closed last.
  for (let at = 0; at < code.length; at++) {
    if (code[at] === "{") {
      const before = code.slice(Math.max(0, at - 400), at).trimEnd();
      open.push({ at, isFunction: opensFunction(before, closedBefore), before });
    } else if (code[at] === "}") {
      const brace = open.pop();
      if (brace === undefined) continue;
      closedBefore = brace.before;
      if (!brace.isFunction) continue;
      const line = lineOf(code, brace.at);
      spans.push({ line, lines: lineOf(code, at) - line + 1 });
    }
  }
  return spans;
}

function opensFunction(before: string, closedBefore: string): boolean {
  if (before.endsWith("=>")) return true;
  // `f(): { a: number } {`: the type's own braces stand between.
  if (before.endsWith("}")) return /\)\s*:\s*(?:[\w<]+)?$/.test(closedBefore);
  const signature = /\)\s*(?::\s*(?:[^;={}]|<\{[^{}]*\}>)*[\w>\]])?$/.exec(before);
  if (signature === null) return false;
  return !BLOCK_STATEMENT.test(before.slice(0, openingParenthesis(before, signature.index)));
}

/** Where the parenthesis that closes at `close` opens; 0 when that is out of sight. */
function openingParenthesis(code: string, close: number): number {
  let depth = 0;
  for (let at = close; at >= 0; at--) {
    if (code[at] === ")") depth++;
    else if (code[at] === "(" && --depth === 0) return at;
  }
  return 0;
}

function lineOf(text: string, at: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < at; i = text.indexOf("\n", i + 1)) line++;
  return line;
}
