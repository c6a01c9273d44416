/**
 * The documents of a stream as kubectl cuts them. A stream that begins with a brace is JSON as long
 * as it can be read so, object after object. Everything else is YAML, and a line that begins with
 * `---` ends a document whatever stands around it.
 *
 * Source: k8s.io/apimachinery pkg/util/yaml, YAMLOrJSONDecoder and YAMLReader.
 */

import type { Range } from './range.ts';

/** A part of the text, from its first line to the next separator. */
export interface Chunk {
  /** Offset of its first character in the text. */
  from: number;
  text: string;
  /** The same text, where it is JSON. */
  json?: string;
}

/** What cannot be read before any YAML is. */
export interface Stray {
  error: string;
  at: Range;
}

/** Every part with anything in it. */
export function chunks(text: string): (Chunk | Stray)[] {
  const start = text.startsWith('\uFEFF') ? 1 : 0;
  const { found, end } = jsonChunks(text, start);
  return [...found, ...yamlChunks(text, end)];
}

function yamlChunks(text: string, begin: number): (Chunk | Stray)[] {
  const found: (Chunk | Stray)[] = [];
  let start = begin;
  const close = (end: number) => {
    const part = text.slice(start, end);
    if (part.trim() !== '') found.push({ from: start, text: part });
  };
  for (let line = begin; line < text.length;) {
    const end = text.indexOf('\n', line);
    const next = end < 0 ? text.length : end + 1;
    if (text.startsWith(SEPARATOR, line)) {
      close(line);
      start = next;
      const behind = text.slice(line + SEPARATOR.length, next).trim();
      if (behind !== '' && !behind.startsWith('#')) {
        found.push({ error: STRAY, at: { from: line, to: line + text.slice(line, next).trimEnd().length } });
      }
    }
    line = next;
  }
  close(text.length);
  return found;
}

/** Objects one behind the other, and where the first thing begins that is none. */
function jsonChunks(text: string, begin: number): { found: (Chunk | Stray)[]; end: number } {
  const found: (Chunk | Stray)[] = [];
  let end = begin;
  while (/^\s*\{/.test(text.slice(end, end + MOST_BLANKS))) {
    const from = text.indexOf('{', end);
    const to = endOfObject(text, from);
    const json = text.slice(from, to);
    if (to < 0 || !isJson(json)) break;
    const problem = jsonProblem(json);
    if (problem !== undefined) return { found: [...found, { error: problem, at: { from, to: from + 1 } }], end: text.length };
    found.push({ from, text: json, json });
    end = to;
  }
  const rest = text.slice(end).trimStart();
  // Behind two objects kubectl takes the stream for JSON, and stops at what is none.
  if (found.length > 1 && rest !== '') {
    const from = text.length - rest.length;
    found.push({ error: 'this is not JSON, as what stands before it is', at: { from, to: from + 1 } });
    return { found, end: text.length };
  }
  return { found, end };
}

/** Behind the brace that closes the one at `from`. */
function endOfObject(text: string, from: number): number {
  let depth = 0;
  JSON_TOKENS.lastIndex = from;
  for (let token = JSON_TOKENS.exec(text); token; token = JSON_TOKENS.exec(text)) {
    if (token[0] === '{') depth += 1;
    else if (token[0] === '}') depth -= 1;
    if (depth === 0) return token.index + 1;
  }
  return -1;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What JavaScript reads in another way than the API server. */
function jsonProblem(json: string): string | undefined {
  if (LONE_SURROGATE.test(json)) return 'this has half of a surrogate pair in it: write the character itself';
  const isBeyond = (json.match(JSON_NUMBERS) ?? []).some((token) => !token.startsWith('"') && !Number.isFinite(Number(token)));
  return isBeyond ? 'this has a number in it that is beyond 64 bits' : undefined;
}

const SEPARATOR = '---';
const STRAY = "a line that begins with '---' begins a document and must have nothing else in it: indent it, or write the rest into the next line";
/** Text that does not end goes to the end, so that it is looked at once. */
const JSON_TOKENS = /[{}]|"(?:[^"\\]|\\.)*(?:"|$)/gs;
const JSON_NUMBERS = /"(?:[^"\\]|\\.)*"|-?\d[\d.]*[eE][-+]?\d+/gs;
const LONE_SURROGATE = /\\u[dD](?:[89abAB][\da-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][\da-fA-F]{2}\\u[dD])[c-fC-F][\da-fA-F]{2})/;
/** White space before an object. */
const MOST_BLANKS = 4096;
