/**
 * The objects of a document as kubectl sends them: the items of a list one by one, everything else
 * as it is.
 *
 * Source: k8s.io/apimachinery pkg/apis/meta/v1/unstructured, unstructuredJSONScheme.
 */

import { isMap, isSeq } from 'yaml';
import type { Manifest } from '../manifest.ts';
import type { Value } from './fields.ts';
import { jsonText } from './json.ts';

/** An object and where it stands in its document. */
export interface ManifestObject {
  manifest: Manifest;
  /** JSON pointer of the object in the document, empty where it is the whole. */
  pointer: string;
  /** JSON text. */
  json: string;
}

export function objects(manifest: Manifest): ManifestObject[] {
  const { root, fields } = manifest;
  const list = fields.target(root);
  const items = isMap(list) && fields.of(list).get('items');
  if (!items) return [{ manifest, pointer: '', json: manifest.json }];
  const target = fields.target(items.value);
  if (jsonText(target, fields) === 'null') return [];
  // Items that are no list are no objects either, and refused as such.
  if (!isSeq(target)) return [{ manifest, pointer: '/items', json: '[]' }];
  return (target.items as Value[]).map((item, index) => ({
    manifest,
    pointer: `/items/${index}`,
    json: ofList(jsonText(item, fields), manifest.json),
  }));
}

/** What kubectl itself refuses, before it asks the API server. */
export function problemOf(object: string): string | undefined {
  if (!object.startsWith('{')) return "a manifest must be a mapping with 'apiVersion' and 'kind'";
  const { apiVersion, kind, items } = JSON.parse(object) as Record<string, unknown>;
  if (items !== undefined) return 'a list must not be in a list: write its items instead';
  const missing = Object.entries({ apiVersion, kind }).filter(([, value]) => typeof value !== 'string' || value === '');
  if (missing.length === 0) return undefined;
  return `${missing.map(([name]) => `'${name}'`).join(' and ')} must be set`;
}

/** An `AccessGrantList` says of its items what they are, where they do not. */
function ofList(item: string, list: string): string {
  if (!item.startsWith('{')) return item;
  const { apiVersion, kind } = JSON.parse(list) as Record<string, unknown>;
  const itemKind = typeof kind === 'string' && kind.endsWith('List') ? kind.slice(0, -'List'.length) : '';
  const defaults = { ...(apiVersion ? { apiVersion } : {}), ...(itemKind ? { kind: itemKind } : {}) };
  const own = JSON.parse(item) as Record<string, unknown>;
  const missing = Object.entries(defaults).filter(([name]) => !own[name]);
  const texts = missing.map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`).join('');
  if (texts === '') return item;
  return item === '{}' ? `{${texts.slice(1)}}` : `${item.slice(0, -1)}${texts}}`;
}
