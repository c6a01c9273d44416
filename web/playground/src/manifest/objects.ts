/**
 * The objects of a document as kubectl sends them: the items of a list one by one, everything else
 * as it is.
 *
 * Source: k8s.io/cli-runtime pkg/resource, FlattenListVisitor.
 */

import { isMap, isSeq } from 'yaml';
import type { Manifest } from '../manifest.ts';
import { jsonText } from './json.ts';
import type { Value } from './fields.ts';

/** An object and where it stands in its document. */
export interface ManifestObject {
  manifest: Manifest;
  /** JSON pointer of the object in the document, empty where it is the whole. */
  pointer: string;
  /** JSON text. */
  json: string;
}

export function objects(manifest: Manifest): ManifestObject[] {
  const found: ManifestObject[] = [];
  const visit = (value: Value, pointer: string) => {
    const items = itemsOf(value, manifest);
    if (items) {
      items.forEach((item, index) => visit(item, `${pointer}/items/${index}`));
    } else {
      const json = pointer === '' ? manifest.json : jsonText(value, manifest.fields);
      found.push({ manifest, pointer, json });
    }
  };
  visit(manifest.root, '');
  return found;
}

/** What kubectl itself refuses, before it asks the API server. */
export function problemOf(object: string): string | undefined {
  if (!object.startsWith('{')) return "a manifest must be a mapping with 'apiVersion' and 'kind'";
  const { apiVersion, kind } = JSON.parse(object) as Record<string, unknown>;
  const missing = Object.entries({ apiVersion, kind }).filter(([, value]) => typeof value !== 'string' || value === '');
  if (missing.length === 0) return undefined;
  return `${missing.map(([name]) => `'${name}'`).join(' and ')} must be set`;
}

function itemsOf(value: Value, { fields }: Manifest): Value[] | undefined {
  const map = fields.target(value);
  if (!isMap(map)) return undefined;
  const items = fields.target(fields.of(map).get('items')?.value ?? null);
  return isSeq(items) ? (items.items as Value[]) : undefined;
}
