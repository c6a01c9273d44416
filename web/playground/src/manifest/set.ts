/** Writes values into a manifest and leaves the rest of its text alone: comments, order, quotes. */

import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import type { Edit } from '../edit.ts';
import type { Manifest } from '../manifest.ts';
import type { Value } from './fields.ts';
import { endOf, place } from './locate.ts';
import { afterColon, block, entry, inline } from './write.ts';

/**
 * The edit after which `value` stands at the pointer, counted from the document's start. `undefined`
 * where the field's text serves other fields as well, by an alias or a merge key.
 */
export function setting(manifest: Manifest, pointer: string, value: unknown): Edit | undefined {
  const { key, value: node, missing, via } = place(manifest.root, manifest.fields, pointer);
  if (via) return undefined;
  const [name, ...deeper] = missing;
  if (name === undefined) return replacing(manifest.text, key, node, value);
  if (isAlias(node)) return undefined;
  const nested = deeper.reduceRight((inner: unknown, outer) => ({ [outer]: inner }), value);
  if (isMap(node)) return inserting(manifest.text, node, name, nested);
  const isNothing = node === null || (isScalar(node) && NULLS.includes(String(node.value)));
  return isNothing ? replacing(manifest.text, key, node, { [name]: nested }) : undefined;
}

/**
 * Edits that make `after` of `before`, both read from the document at `pointer`. Where a field cannot
 * be written on its own, the nearest parent that can is written as a whole.
 */
export function settings(manifest: Manifest, pointer: string, before: unknown, after: unknown): Edit[] {
  const isKept = isObject(before) && isObject(after) && Object.keys(before).every((name) => name in after);
  if (isKept && Object.keys(before).length > 0) {
    const nested: (Edit[] | undefined)[] = Object.keys(after).map((name) => {
      if (JSON.stringify(before[name]) === JSON.stringify(after[name])) return [];
      const edits = settings(manifest, `${pointer}/${escape(name)}`, before[name], after[name]);
      return edits.length > 0 ? edits : undefined;
    });
    if (nested.every((edits) => edits !== undefined)) return nested.flat();
  }
  const edit = setting(manifest, pointer, after);
  return edit ? [edit] : [];
}

function replacing(text: string, key: Node | undefined, node: Value, value: unknown): Edit | undefined {
  if (!node?.range) return undefined;
  const [from] = node.range;
  const to = Math.max(from, endOf(node, text));
  if (from === to) {
    // Nothing is written behind the colon.
    if (!key?.range) return undefined;
    const colon = text.indexOf(':', key.range[1]) + 1;
    return { from: colon, to: colon, insert: afterColon(value, { indent: column(text, key.range[0]) }) };
  }
  const isBlock = (isMap(node) || isSeq(node)) && !node.flow;
  if (isBlock && typeof value === 'object' && value !== null) {
    return { from, to, insert: block(value, column(text, from)) };
  }
  return { from, to, insert: inline(value, { quote: quoteOf(node) }) };
}

function inserting(text: string, map: YAMLMap, name: string, value: unknown): Edit | undefined {
  const range = map.range;
  if (!range) return undefined;
  if (map.flow) {
    const last = map.items.at(-1) as Pair<Node, Value> | undefined;
    const end = last ? endOf(last.value ?? last.key, text) : range[0] + 1;
    return { from: end, to: end, insert: `${last ? ', ' : ''}${entry(name, value, 'flow')}` };
  }
  const end = text.indexOf('\n', endOf(map, text));
  const at = end < 0 ? text.length : end;
  const indent = column(text, range[0]);
  return { from: at, to: at, insert: `\n${' '.repeat(indent)}${entry(name, value, indent)}` };
}

function quoteOf(node: Node): '"' | "'" | undefined {
  if (!isScalar(node)) return undefined;
  if (node.type === 'QUOTE_SINGLE') return "'";
  return node.type === 'PLAIN' ? undefined : '"';
}

function column(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}

function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const NULLS = ['', '~', 'null', 'Null', 'NULL'];

