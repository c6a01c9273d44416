/** Where in the text a JSON pointer points to. */

import { isAlias, isMap, isSeq, type Node, type Pair } from 'yaml';
import type { Field, Fields, Value } from './fields.ts';

/** What is found on the way to a pointer. */
export interface Place {
  /** The key of the last step; of a list element its own node. Absent at the root. */
  key?: Node;
  value: Value;
  /** Steps of the pointer that lead nowhere, from the first on. */
  missing: string[];
  /** The alias through which the way leads to text that stands elsewhere. */
  via?: Node;
}

/** Goes as far as there is anything. */
export function place(root: Value, fields: Fields, pointer: string): Place {
  const names = steps(pointer);
  let found: Place = { value: root, missing: names };
  for (const [index, name] of names.entries()) {
    const next = step(found, fields, name);
    if (!next) return { ...found, ...alias(found), missing: names.slice(index) };
    found = next;
  }
  return { ...found, missing: [] };
}

/** Where a value ends, without the white space and line ends behind it. */
export function endOf(node: Node, text: string): number {
  if ((isMap(node) || isSeq(node)) && !node.flow) {
    const last = node.items.at(-1) as Pair<Node, Value> | Node | undefined;
    const inner = last && 'key' in last ? (last.value ?? last.key) : (last as Node | undefined);
    if (inner) return endOf(inner, text);
  }
  const [from, to] = node.range ?? [0, 0];
  return from + text.slice(from, to).trimEnd().length;
}

function step(at: Place, fields: Fields, name: string): Place | undefined {
  const target = fields.target(at.value);
  const found = isMap(target) ? ofMap(fields.of(target).get(name))
    : isSeq(target) ? ofList(target.items as Value[], name)
    : undefined;
  return found && { ...found, ...alias(at) };
}

function ofMap(field: Field | undefined): Place | undefined {
  if (!field) return undefined;
  const found: Place = { key: field.key, value: field.value, missing: [] };
  if (field.via) found.via = field.via;
  return found;
}

function ofList(items: Value[], name: string): Place | undefined {
  const item = /^\d+$/.test(name) ? items[Number(name)] : undefined;
  return item === undefined ? undefined : { ...(item && { key: item }), value: item, missing: [] };
}

/** The first alias on the way counts: it is what is written here. */
function alias(at: Place): Pick<Place, 'via'> {
  if (at.via) return { via: at.via };
  return isAlias(at.value) ? { via: at.value } : {};
}

/** The names of a pointer. */
function steps(pointer: string): string[] {
  return pointer.split('/').slice(1).map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}
