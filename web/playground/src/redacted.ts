/** Texts that can be given to others. */

import { json } from 'skupper-access-policy';
import { applied } from './edit.ts';
import { isReadable, readManifests, type Manifest } from './manifest.ts';
import { hiding } from './manifest/hide.ts';
import { objects } from './manifest/objects.ts';

/** A text without secrets and comments, and the number of documents that are left out of it. */
export interface Redacted {
  text: string;
  /** No promise can be made about what cannot be read, and about kinds the rule does not know. */
  leftOut: number;
}

/** Every secret is `***`; the rest is as it was written. */
export function withoutSecrets(text: string): Redacted {
  const documents = readManifests(text);
  const kept = documents.flatMap((document) => (isReadable(document) ? safe(document) : []));
  return { text: kept.join('---\n'), leftOut: documents.length - kept.length };
}

function safe(manifest: Manifest): string[] {
  if (objects(manifest).some(({ json: object }) => !isKnown(object))) return [];
  const text = applied(manifest.text, hiding(manifest)).trimEnd();
  // What is given away is read once more: it must hold the redacted object and nothing else.
  const [again, ...others] = readManifests(text);
  const isSame = again && isReadable(again) && others.length === 0
    && canonical(again.json) === canonical(json.redact(manifest.json));
  return isSame ? [`${text}\n`] : [];
}

/** What the rule of redaction is made for: the three kinds, settings and policies with settings. */
function isKnown(object: string): boolean {
  const { kind } = JSON.parse(object) as { kind?: unknown };
  return kind === undefined || (typeof kind === 'string' && KINDS.includes(kind));
}

/** With sorted keys. */
function canonical(text: string): string {
  return JSON.stringify(JSON.parse(text), (_key, value: unknown) =>
    (typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value));
}

const KINDS = ['AccessGrant', 'AccessToken', 'TokenRequest', 'ClusterAdmissionPolicy', 'AdmissionPolicy'];
