/**
 * The fields of a mapping as kubectl sees them: keys as text, the last of equal keys, merge keys
 * followed.
 *
 * Source: go.yaml.in/yaml/v2 decode.go, and sigs.k8s.io/yaml, convertToJSONableObject.
 */

import { readScalar } from 'skupper-access-policy';
import { isAlias, isMap, isScalar, isSeq, type Alias, type Document, type Node, type Pair, type YAMLMap } from 'yaml';

/** A node of the document, or nothing where nothing is written. */
export type Value = Node | null;

/** One field of a mapping. */
export interface Field {
  key: Node;
  value: Value;
  /** The merge key `<<` by which it came here from elsewhere. */
  merged?: Node;
}

/** What stands in the text but cannot be read. */
export class Unreadable extends Error {
  constructor(message: string, readonly node: Value) {
    super(message);
  }
}

/** Fields by name, in the order in which a reader meets them; memory of one document. */
export class Fields {
  private readonly known = new Map<YAMLMap, Map<string, Field>>();
  private readonly open = new Set<YAMLMap>();

  constructor(private readonly document: Document) {}

  /** Throws `Unreadable`. */
  of(map: YAMLMap): Map<string, Field> {
    const known = this.known.get(map);
    if (known) return known;
    if (this.open.has(map)) throw new Unreadable('an alias must not stand for what it is in', map);
    this.open.add(map);
    const fields = new Map<string, Field>();
    for (const pair of map.items as Pair<Node, Value>[]) {
      if (isMergeKey(pair.key)) this.merge(pair.key, pair.value, fields);
      else fields.set(keyText(this.target(pair.key), pair.key), { key: pair.key, value: pair.value });
    }
    this.open.delete(map);
    this.known.set(map, fields);
    return fields;
  }

  /** What an alias stands for; every other node for itself. */
  target(node: Value): Value {
    if (!isAlias(node)) return node;
    const target = (node as Alias).resolve(this.document);
    if (!target) throw new Unreadable(`there is no anchor '&${node.source}' before this alias`, node);
    return target;
  }

  /** A merge key overwrites what stands before it; of a list, the first map wins. */
  private merge(key: Node, value: Value, fields: Map<string, Field>): void {
    const source = this.target(value);
    const sources = isSeq(source) && !isAlias(value) ? (source.items as Value[]).toReversed() : [value];
    for (const each of sources) {
      const map = this.target(each);
      if (!isMap(map)) throw new Unreadable('a merge key must have a mapping or a list of mappings', each ?? key);
      for (const [name, field] of this.of(map)) fields.set(name, { ...field, merged: key });
    }
  }
}

/** `<<` without quotes. */
export function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === '<<' && (key.tag === MERGE_TAG || (key.type === 'PLAIN' && !key.tag));
}

/** The JSON text of a scalar. Throws `Unreadable`. */
export function scalarText(node: Value): string {
  if (!isScalar(node)) return 'null';
  const text = String(node.value ?? '');
  const tag = node.tag?.startsWith(YAML_TAGS) ? node.tag.slice(YAML_TAGS.length) : undefined;
  if (tag === 'binary') return JSON.stringify(fromBase64(text, node));
  if (tag === undefined ? node.tag || node.type !== 'PLAIN' : !CONVERTED.includes(tag)) return JSON.stringify(text);
  const json = readScalar(text);
  if (json === undefined) throw new Unreadable('JSON has no infinity and no value that is not a number', node);
  if (tag !== undefined && !isOf(tag, json)) throw new Unreadable(`this is not what the tag '!!${tag}' says`, node);
  return json;
}

/** Text of a key. Source: sigs.k8s.io/yaml, convertToJSONableObject. */
export function keyText(key: Value, at: Node): string {
  if (key !== null && !isScalar(key)) throw new Unreadable('a key must be text, a number or a boolean', at);
  const json = scalarText(key);
  if (json === 'null') throw new Unreadable('a key must be text, a number or a boolean, not null', at);
  if (json.startsWith('"')) return JSON.parse(json) as string;
  return json;
}

function isOf(tag: string, json: string): boolean {
  switch (tag) {
    case 'null': return json === 'null';
    case 'bool': return json === 'true' || json === 'false';
    case 'int': return /^-?\d+$/.test(json);
    default: return /^-?\d/.test(json);
  }
}

function fromBase64(text: string, node: Value): string {
  try {
    const bytes = Uint8Array.from(atob(text.replace(/[\r\n]/g, '')), (character) => character.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    throw new Unreadable("the tag '!!binary' must have base64 text", node);
  }
}

const YAML_TAGS = 'tag:yaml.org,2002:';
const MERGE_TAG = `${YAML_TAGS}merge`;
/** Tags by which a scalar is read as if it were plain. `!!timestamp` stays text. */
const CONVERTED = ['null', 'bool', 'int', 'float'];
