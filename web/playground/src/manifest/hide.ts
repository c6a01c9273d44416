/**
 * Takes every secret out of a manifest's text by the policy's one rule of redaction, and leaves the
 * rest as the user wrote it, apart from comments: no rule knows what a comment holds.
 */

import { json } from 'skupper-access-policy';
import { isAlias, isMap, isSeq, Lexer, type Node, type Pair, type YAMLMap } from 'yaml';
import type { Edit } from '../edit.ts';
import type { Manifest } from '../manifest.ts';
import { isMergeKey, keyText, type Value } from './fields.ts';
import { endOf } from './locate.ts';

/** Edits of the document's text. */
export function hiding(manifest: Manifest): Edit[] {
  const edits: Edit[] = comments(manifest.text);
  walk(manifest.root, JSON.parse(manifest.json), JSON.parse(json.redact(manifest.json)));
  return edits;

  function walk(node: Value, before: unknown, after: unknown): void {
    if (isAlias(node) || !isSameShape(before, after)) {
      if (!isSameShape(before, after)) hide(node, after);
    } else if (isMap(node)) {
      walkFields(node, node, before as Fields, after as Fields);
    } else if (isSeq(node)) {
      node.items.forEach((item, index) => {
        walk(item as Value, (before as unknown[])[index], (after as unknown[])[index]);
      });
    }
  }

  /** The fields that `map` writes for `owner`: itself, or one that it is merged into. */
  function walkFields(map: YAMLMap, owner: YAMLMap, before: Fields, after: Fields): void {
    const seen = manifest.fields.of(owner);
    for (const { key, value } of map.items as Pair<Node, Value>[]) {
      if (isMergeKey(key)) {
        for (const each of isSeq(value) ? (value.items as Value[]) : [value]) {
          if (isMap(each)) walkFields(each, owner, before, after);
        }
        continue;
      }
      const name = keyText(manifest.fields.target(key), key);
      // What is overwritten is in no object, so that no rule can be asked about it.
      if (seen.get(name)?.value === value) walk(value, before[name], after[name]);
      else hide(value, HIDDEN);
    }
  }

  /** An alias takes its anchor's text along: it is the same secret. */
  function hide(node: Value, shown: unknown): void {
    const target = manifest.fields.target(node);
    if (node && target && node !== target) hide(target, HIDDEN);
    if (!node?.range) return;
    const from = node.range[0];
    const to = endOf(node, manifest.text);
    if (to > from) edits.push({ from, to, insert: JSON.stringify(shown) });
  }
}

/** Removes the comments of a text, and lines that hold nothing else. */
function comments(text: string): Edit[] {
  const edits: Edit[] = [];
  let at = 0;
  let isScalar = false;
  for (const token of new Lexer().lex(text)) {
    if (CONTROLS.includes(token)) {
      isScalar = token === SCALAR;
      continue;
    }
    if (token.startsWith('#') && !isScalar) edits.push(withBlanks(text, at, at + token.length));
    isScalar = false;
    at += token.length;
  }
  return edits;
}

/** With the blanks before it; with its line end where it has the line to itself. */
function withBlanks(text: string, from: number, to: number): Edit {
  let begin = from;
  while (BLANKS.includes(text.charAt(begin - 1)) && begin > 0) begin -= 1;
  const isWholeLine = begin === 0 || text.charAt(begin - 1) === '\n';
  const hasLineEnd = text.charAt(to) === '\n';
  return { from: begin, to: isWholeLine && hasLineEnd ? to + 1 : to, insert: '' };
}

/** Equal scalars, or two objects or two lists. */
function isSameShape(before: unknown, after: unknown): boolean {
  const isBoth = typeof before === 'object' && typeof after === 'object' && before !== null && after !== null;
  return isBoth ? Array.isArray(before) === Array.isArray(after) : before === after;
}

type Fields = Record<string, unknown>;

/** As the policy writes it. */
const HIDDEN = '***';
const BLANKS = [' ', '\t'];
/** What the lexer says between the parts of a text: document, flow error, scalar. */
const SCALAR = '\x1F';
const CONTROLS = ['\x02', '\x18', SCALAR];
