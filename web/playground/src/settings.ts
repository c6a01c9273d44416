/** The policy's settings: written alone, or as part of a ClusterAdmissionPolicy. */

import { json as policy, type SettingsAnswer } from 'skupper-access-policy';
import { isReadable, rangeOf, readManifests, type Manifest } from './manifest.ts';
import { jsonText } from './manifest/json.ts';
import { place } from './manifest/locate.ts';
import type { Mark } from './mark.ts';

export interface SettingsText {
  /** JSON text. */
  json: string;
  marks: Mark[];
  /** Why the settings cannot be used. */
  message?: string;
}

export function readSettings(text: string): SettingsText {
  const documents = readManifests(text);
  const unreadable = documents.find((document) => !isReadable(document));
  if (unreadable && !isReadable(unreadable)) {
    const mark: Mark = { ...unreadable.at, severity: 'deny', text: unreadable.error };
    return { json: 'null', marks: [mark], message: `the settings cannot be read: ${unreadable.error}` };
  }
  const readable = documents.filter(isReadable);
  const manifest = readable.find((each) => settingsOf(each) !== '') ?? readable[0];
  if (!manifest) return { json: 'null', marks: [] };
  const pointer = settingsOf(manifest);
  const { value, missing } = place(manifest.root, manifest.fields, pointer);
  const json = missing.length > 0 ? 'null' : jsonText(value, manifest.fields);
  const { message, findings } = JSON.parse(policy.checkSettings(json)) as SettingsAnswer;
  const marks = findings.map((finding): Mark => ({
    ...rangeOf(manifest, pointer + finding.pointer, 'value'), severity: 'deny', text: finding.text,
  }));
  return message === undefined ? { json, marks } : { json, marks, message };
}

/** Where a document keeps the settings: `spec.settings` of a policy, else it is the settings. */
function settingsOf({ root, fields }: Manifest): string {
  const { value, missing } = place(root, fields, '/kind');
  const kind = missing.length > 0 ? 'null' : jsonText(value, fields);
  return KINDS.includes(kind) ? '/spec/settings' : '';
}

/** As JSON text. Source: policies.kubewarden.io/v1. */
const KINDS = ['"ClusterAdmissionPolicy"', '"AdmissionPolicy"'];
