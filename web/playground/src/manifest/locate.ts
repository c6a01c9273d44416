/** Where in the text a JSON pointer points to. */

import { isAlias, isMap, isSeq, type Node } from 'yaml';
import type { Fields, Value } from './fields.ts';

/** Offsets in the text, the end exclusive. */
export interface Range {
  from: number;
  to: number;
}

/** What is found on the way to a pointer. */
export interface Place {
  /** The key of the last step; of a list element its own node. Absent at the root. */
  key?: Node;
  value: Value;
  /** Steps of the pointer that lead nowhere, from the first on. */
  missing: string[];
  /** False where the last step leads through an alias or a merge key to text that stands elsewhere. */
  isOwn: boolean;
}

/** The names of a pointer. */
export function steps(pointer: string): string[] {
  return pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Goes as far as there is anything. */
export function place(root: Value, fields: Fields, pointer: string): Place {
  const names = steps(pointer);
  let found: Place = { value: root, missing: names, isOwn: true };
  for (const [index, name] of names.entries()) {
    const next = step(found, fields, name);
    if (!next) return { ...found, missing: names.slice(index) };
    found = next;
  }
  return { ...found, missing: [] };
}

function step(at: Place, fields: Fields, name: string): Place | undefined {
  const target = fields.target(at.value);
  const isOwn = at.isOwn && !isAlias(at.value);
  if (isMap(target)) {
    const field = fields.of(target).get(name);
    if (!field) return undefined;
    if (!isOwn) return { ...at, value: field.value, isOwn };
    // What is merged is underlined at the merge key, where this mapping asks for it.
    if (field.merged) return { key: field.merged, value: field.value, missing: [], isOwn: false };
    return { key: field.key, value: field.value, missing: [], isOwn };
  }
  if (isSeq(target)) {
    const item = target.items[Number(name)] as Value | undefined;
    if (item === undefined) return undefined;
    if (!isOwn) return { ...at, value: item, isOwn };
    return { ...(item && { key: item }), value: item, missing: [], isOwn };
  }
  return undefined;
}
