/**
 * Where YAML 1.2, which the parser reads, and kubectl's YAML 1.1 differ. What kubectl would refuse or
 * read in another way is refused here, with what to write instead, so that nothing is judged as
 * something else than what kubectl sends.
 *
 * Source: go.yaml.in/yaml/v2 scannerc.go and readerc.go.
 */

import { isAlias, isMap, isScalar, isSeq, type Pair } from 'yaml';
import { Unreadable, type Value } from './fields.ts';
import type { Range } from './range.ts';

/** Looks at a document before it is parsed. Throws `Unreadable`. */
export function checkDirectives(text: string): void {
  for (let line = 0; line < text.length;) {
    const end = text.indexOf('\n', line);
    const next = end < 0 ? text.length : end + 1;
    if (text.startsWith('%', line)) {
      throw new Unreadable(DIRECTIVE, { from: line, to: next });
    }
    if (!/^\s*(?:#|$)/.test(text.slice(line, next))) return;
    line = next;
  }
}

/** Throws `Unreadable` at the first difference. */
export function check(text: string, root: Value): void {
  refuse(text, CONTROL, () => 'a manifest must not contain control characters');
  refuse(text, RARE_LINE_END, (end) =>
    `kubectl takes U+${end.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} for the end of a line: write it as an escape in double quotes`);
  const covered: Range[] = [];
  checkNode(text, root, false, covered);
  if (text.includes('\t')) checkTabs(text, covered);
}

function checkNode(text: string, node: Value, isInFlow: boolean, covered: Range[]): void {
  if (!node?.range) return;
  const [from, to] = node.range;
  const fail = (problem: string) => {
    throw new Unreadable(problem, { from, to });
  };
  const name = isAlias(node) ? node.source : isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
  if (name !== undefined && !/^[\w-]+$/.test(name)) {
    fail("the name of an anchor must consist of letters 'a' to 'z', digits, '-' and '_'");
  }
  if (isMap(node) || isSeq(node)) {
    const isFlow = node.flow === true;
    if (isFlow && !isInFlow) covered.push({ from, to });
    for (const item of node.items as (Pair<Value, Value> | Value)[]) {
      if (item && 'key' in item) {
        const key = item.key;
        if (key?.range && key.range[1] - key.range[0] > LONGEST_KEY) fail('a key must be at most 1024 characters long');
        checkNode(text, key, isFlow, covered);
        checkNode(text, item.value, isFlow, covered);
      } else {
        checkNode(text, item as Value, isFlow, covered);
      }
    }
  } else if (isScalar(node)) {
    const written = text.slice(from, to);
    if (!isInFlow) covered.push({ from, to });
    switch (node.type) {
      case 'PLAIN':
        if (isInFlow && written.includes('?')) fail("in braces and brackets '?' ends a word: write it in quotes");
        if (isInFlow && /^:\S/.test(text.slice(to, to + 2))) fail("in braces and brackets ':' must be followed by a blank");
        break;
      case 'QUOTE_DOUBLE':
        if (JSON_ESCAPE.test(written)) fail("must not contain '\\/' or half of a surrogate pair: write the character itself");
        break;
      case 'BLOCK_LITERAL':
      case 'BLOCK_FOLDED':
        if (hasTabInIndentation(written)) fail('a block must be indented with blanks, not with tabs');
        break;
    }
  }
}

/** A tab before a key, a list element or nothing at all, outside of scalars and flow collections. */
function checkTabs(text: string, covered: Range[]): void {
  const ordered = covered.toSorted((a, b) => a.from - b.from);
  let next = 0;
  for (const line of text.matchAll(/^(?: |[-?:](?=[ \t]))*\t/gm)) {
    const tab = line.index + line[0].length - 1;
    while ((ordered[next]?.to ?? Infinity) <= line.index) next += 1;
    if ((ordered[next]?.from ?? Infinity) < line.index) continue;
    throw new Unreadable('a tab must not stand before keys and list elements: write blanks', { from: tab, to: tab + 1 });
  }
}

/** True where a tab stands before the column in which the text of a block begins. */
function hasTabInIndentation(block: string): boolean {
  const [head = '', ...lines] = block.split('\n');
  let indentation = /\d/.test(head.replace(/#.*/, '')) ? 0 : Infinity;
  return lines.some((line) => {
    const blanks = line.length - line.replace(/^ +/, '').length;
    const isTab = line.charAt(blanks) === '\t';
    const isBefore = blanks < indentation;
    if (indentation === Infinity && blanks < line.length && !isTab) indentation = blanks;
    return isTab && isBefore;
  });
}

function refuse(text: string, what: RegExp, problem: (found: string) => string): void {
  const found = what.exec(text);
  if (found) throw new Unreadable(problem(found[0]), { from: found.index, to: found.index + found[0].length });
}

const CONTROL = /[^\t\n\r\x20-\x7E\x85\xA0-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const DIRECTIVE = "a line that begins with '---' ends a document for kubectl, which would find a directive without one: leave it out";
const RARE_LINE_END = /[\x85\u2028\u2029]/;
/** `\/`, and `\ud800` to `\udfff`, behind an even number of backslashes. */
const JSON_ESCAPE = /(?<!\\)(?:\\\\)*\\(?:\/|u[dD][89a-fA-F])/;
const LONGEST_KEY = 1024;
