/**
 * The fields of a mapping as kubectl sees them: keys as text, the last of equal keys, merge keys
 * followed.
 *
 * Source: go.yaml.in/yaml/v2 decode.go, and sigs.k8s.io/yaml, convertToJSONableObject.
 */

import { readScalar } from 'skupper-access-policy';
import { isAlias, isMap, isScalar, isSeq, visit, type Alias, type Node, type Pair, type YAMLMap } from 'yaml';

import { float32Text } from './float.ts';
import type { Range } from './range.ts';

/** A node of the document, or nothing where nothing is written. */
export type Value = Node | null;

/** One field of a mapping. */
export interface Field {
  key: Node;
  value: Value;
  /** The alias behind a merge key, by which it came here from elsewhere. */
  via?: Node;
}

/** What stands in the text but cannot be read, and where it stands. */
export class Unreadable extends Error {
  readonly at: Range;

  constructor(message: string, at: Value | Range) {
    super(message);
    if (at && 'from' in at) this.at = at;
    else this.at = { from: at?.range?.[0] ?? 0, to: at?.range?.[1] ?? 0 };
  }
}

/** Fields by name, in the order in which a reader meets them; memory of one document. */
export class Fields {
  private readonly known = new Map<YAMLMap, Map<string, Field>>();
  private readonly open = new Set<YAMLMap>();
  private readonly targets: ReadonlyMap<Alias, Node>;
  private merges = 0;

  constructor(root: Value) {
    this.targets = targetsOf(root);
  }

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
    const target = this.targets.get(node);
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
      for (const [name, field] of this.of(map)) {
        this.merges += 1;
        if (this.merges > MOST_MERGES) throw new Unreadable('merge keys must not copy more than 100,000 fields', key);
        fields.set(name, isAlias(each) ? { ...field, via: each } : field);
      }
    }
  }
}

/** What every alias stands for: the last anchor of its name before it. */
function targetsOf(root: Value): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(root, {
    Alias: (_key, alias) => {
      const target = anchors.get(alias.source);
      if (target) targets.set(alias, target);
    },
    Value: (_key, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

/** `<<` without quotes. */
export function isMergeKey(key: unknown): boolean {
  if (!isScalar(key) || key.value !== '<<') return false;
  return key.tag === undefined ? key.type === 'PLAIN' : key.tag === '!' || key.tag === `${YAML_TAGS}merge`;
}

/** The JSON text of a scalar. Throws `Unreadable`. */
export function scalarText(node: Value): string {
  if (!isScalar(node)) return 'null';
  const text = String(node.value ?? '');
  if (node.tag === undefined) return node.type === 'PLAIN' ? plainText(text, node) : JSON.stringify(text);
  const type = node.tag.startsWith(YAML_TAGS) ? node.tag.slice(YAML_TAGS.length) : '';
  switch (type) {
    case 'binary': return JSON.stringify(fromBase64(text, node));
    case 'timestamp':
      if (!DATE.test(text)) throw new Unreadable("what is tagged '!!timestamp' must be a date", node);
      return JSON.stringify(text);
    case 'null':
    case 'bool':
    case 'int':
    case 'float': {
      const json = plainText(text, node);
      if (!isOf(type, text, json)) throw new Unreadable(`what is tagged '!!${type}' must be of this type`, node);
      return json;
    }
    default: return JSON.stringify(text);
  }
}

/** The name of a key. Source: sigs.k8s.io/yaml, convertToJSONableObject. */
export function keyText(key: Value, at: Node): string {
  if (isScalar(key) && key.type === 'PLAIN' && key.tag === undefined) {
    const text = String(key.value ?? '');
    const infinity = INFINITIES.get(text.toLowerCase());
    if (infinity !== undefined) return infinity;
    const json = plainText(text, key);
    if (json === 'null' || isUint64(text, json)) throw new Unreadable(`a key must be a string: write "${text}"`, at);
    if (json.startsWith('"')) return text;
    const isFloat = /^-?\d/.test(json) && !(isInteger(text) && isInt64(json));
    return isFloat ? float32Text(Number(json)) : json;
  }
  if (key !== null && !isScalar(key)) throw new Unreadable('a key must be a string', at);
  const json = scalarText(key);
  if (json === 'null') throw new Unreadable('a key must be a string', at);
  return json.startsWith('"') ? JSON.parse(json) as string : json;
}

function plainText(text: string, node: Value): string {
  const json = readScalar(text);
  if (json === undefined) throw new Unreadable(`'${text}' is no number: quote it`, node);
  return json;
}

function isOf(type: string, text: string, json: string): boolean {
  switch (type) {
    case 'null': return json === 'null';
    case 'bool': return json === 'true' || json === 'false';
    case 'int': return /^-?\d/.test(json) && isInteger(text);
    default: return /^-?\d/.test(json) && (!isInteger(text) || isInt64(json));
  }
}

function fromBase64(text: string, node: Value): string {
  const letters = text.replace(/[\r\n]/g, '');
  if (letters.length % 4 > 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(letters)) {
    throw new Unreadable("what is tagged '!!binary' must be base64", node);
  }
  return new TextDecoder().decode(Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0)));
}

/** Written without a fraction and an exponent, in whatever base. */
function isInteger(text: string): boolean {
  return /^[-+]?(?:0x[\da-f_]+|[\d_box]+)$/i.test(text);
}

function isInt64(json: string): boolean {
  if (!/^-?\d+$/.test(json)) return false;
  const number = BigInt(json);
  return BigInt.asIntN(64, number) === number;
}

/** Beyond 63 bits and within 64, of which the reader makes no name. */
function isUint64(text: string, json: string): boolean {
  const isWhole = isInteger(text) && /^-?\d/.test(json) && !isInt64(json);
  return isWhole && Number(json) > 0 && Number(json) < 2 ** 64;
}

const YAML_TAGS = 'tag:yaml.org,2002:';
/** A date as Go's reader tells one, as far as letters show it. */
const DATE = /^\d{4}-\d{1,2}-\d{1,2}(?!\d)/;
/** Of one document. */
const MOST_MERGES = 100_000;
/** As keys: no value of JSON, but names. */
const INFINITIES = new Map([['.inf', '.inf'], ['+.inf', '.inf'], ['-.inf', '-.inf'], ['.nan', '.nan']]);
