/**
 * A manifest as kubectl reads it: YAML 1.1 with some of 1.2, many documents, the last of equal keys.
 *
 * ```ts
 * const [grant] = readManifests('spec: {expirationWindow: 1 day}');
 * grant.json;                                     // '{"spec":{"expirationWindow":"1 day"}}'
 * rangeOf(grant, '/spec/expirationWindow', 'value');  // where `1 day` stands
 * ```
 */

import { isAlias, type Document, type Node } from 'yaml';
import { chunks, type Chunk } from './manifest/chunks.ts';
import { check, checkDirectives } from './manifest/dialect.ts';
import { Fields, Unreadable, type Value } from './manifest/fields.ts';
import { jsonText } from './manifest/json.ts';
import { endOf, place } from './manifest/locate.ts';
import { parse } from './manifest/parse.ts';
import type { Range } from './manifest/range.ts';

export type { Range } from './manifest/range.ts';

/** A document that can be read. */
export interface Manifest {
  /** Offset of the document in the text. */
  from: number;
  /** The document's text, without what kubectl ignores behind it. */
  text: string;
  /** JSON text. */
  json: string;
  /** The nodes of the text. Their ranges count from `from`. */
  root: Value;
  fields: Fields;
}

/** A document that cannot be read. */
export interface UnreadableManifest {
  error: string;
  at: Range;
}

/** Every document that is not empty. */
export function readManifests(text: string): (Manifest | UnreadableManifest)[] {
  // A carriage return alone ends a line, too.
  return chunks(text.replace(/\r(?!\n)/g, '\n')).flatMap((chunk) => {
    const read = 'error' in chunk ? chunk : readChunk(chunk);
    return read ? [read] : [];
  });
}

/** True for a document that can be read. */
export function isReadable(manifest: Manifest | UnreadableManifest): manifest is Manifest {
  return 'json' in manifest;
}

/**
 * The key or the value at a pointer. What is absent has the place of its nearest parent, what an alias
 * brings here that of the alias.
 */
export function rangeOf(manifest: Manifest, pointer: string, target: 'key' | 'value'): Range {
  const { key, value, missing, via } = place(manifest.root, manifest.fields, pointer);
  const isRoot = key === undefined && via === undefined;
  if (isRoot && (target === 'key' || missing.length > 0)) return firstLine(manifest);
  const node = via ?? (target === 'value' && isWritten(value) ? value : key);
  if (!node?.range) return firstLine(manifest);
  return { from: manifest.from + node.range[0], to: manifest.from + endOf(node, manifest.text) };
}

function readChunk(chunk: Chunk): Manifest | UnreadableManifest | undefined {
  try {
    if (chunk.json === undefined) checkDirectives(chunk.text);
    const document = parse(chunk.text);
    if (!document) return undefined;
    const problem = document.errors.find(({ pos }) => pos[0] < endOfDocument(chunk.text, document));
    if (problem) {
      const [from, to] = problem.pos;
      return { error: lower(problem.message), at: within(chunk, from, to) };
    }
    const root = document.contents as Value;
    const fields = new Fields(root);
    const json = chunk.json ?? jsonText(root, fields);
    if (chunk.json === undefined) check(chunk.text, root);
    if (json === 'null') return undefined;
    return { from: chunk.from, text: chunk.text.slice(0, document.range?.[2]), json, root, fields };
  } catch (error) {
    if (error instanceof Unreadable) {
      return { error: error.message, at: within(chunk, error.at.from, error.at.to) };
    }
    // The parser's own recursion ends before ours.
    if (error instanceof RangeError) return { error: 'this is nested too deeply', at: within(chunk, 0, 0) };
    throw error;
  }
}

/** What stands behind `...` is no part of the document. */
function endOfDocument(text: string, document: Document): number {
  const end = document.range?.[1] ?? text.length;
  return /^\.\.\.\s/m.test(text.slice(end, end + 4)) ? end : Infinity;
}

function isWritten(value: Value): value is Node {
  return isAlias(value) || (!!value?.range && value.range[1] > value.range[0]);
}

/** The first line of the content, without its comment. */
function firstLine({ from, text, root }: Manifest): Range {
  const start = root?.range?.[0] ?? text.search(/\S/);
  const line = text.slice(start).split('\n', 1)[0] ?? '';
  return { from: from + start, to: from + start + line.replace(/\s#.*/, '').trimEnd().length };
}

/** At least one character, and never more than the rest of the line. */
function within({ from, text }: Chunk, start: number, end: number): Range {
  let begin = Math.min(start, text.length);
  // An error at the end of the text belongs to the last thing that is written.
  while (begin > 0 && (text[begin] ?? '').trim() === '') begin -= 1;
  const line = text.indexOf('\n', begin);
  const limit = line < 0 ? text.length : line;
  const to = Math.min(Math.max(end, begin + 1), Math.max(limit, begin + 1));
  return { from: from + begin, to: from + to };
}

function lower(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
