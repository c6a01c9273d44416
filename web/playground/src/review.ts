/**
 * What the policy says about the texts of the page, with the place of everything it says. Pure: the
 * same texts and the same time give the same outcome.
 */

import { json, type Answer, type Finding } from 'skupper-access-policy';
import { applied } from './edit.ts';
import { diff, type Row } from './diff.ts';
import { isReadable, rangeOf, readManifests, type Range } from './manifest.ts';
import { hiding } from './manifest/hide.ts';
import { objects, problemOf, type ManifestObject } from './manifest/objects.ts';
import { setting, settings as settingFields } from './manifest/set.ts';
import type { Mark } from './mark.ts';
import { readSettings } from './settings.ts';

/** What is written on the page. */
export interface Input {
  manifest: string;
  /** The old objects of an UPDATE. */
  old: string | undefined;
  settings: string;
  user: User;
  /** RFC 3339. */
  now: string;
}

/** Who asks. */
export interface User {
  username: string;
  groups: string[];
}

/** What becomes of one object. */
export interface ObjectOutcome {
  kind: string;
  /** `accessgrant.skupper.io/west`, as kubectl names it. */
  resource: string;
  name: string;
  result: 'refused' | 'changed' | 'unchanged' | 'not covered';
  operation: 'CREATE' | 'UPDATE';
  /** True for an update of an object that is not among the old ones: it is judged as a CREATE. */
  isUnmatched: boolean;
  /** Why it is refused. */
  message?: string;
  warnings: string[];
  /** What is stored, next to what is written. */
  stored: Row[];
  at: Range;
}

export interface Outcome {
  /** The first of them. */
  objects: ObjectOutcome[];
  /** The first of them, as of the other texts. */
  marks: Mark[];
  oldMarks: Mark[];
  settingsMarks: Mark[];
  /** Why the settings cannot be used: then nothing is judged. */
  settingsMessage?: string;
  totals: Totals;
}

/** How much there is of everything in the manifest, also of what is not listed. */
export interface Totals {
  objects: number;
  /** Documents that cannot be read. */
  unreadable: number;
  refused: number;
  changed: number;
  notCovered: number;
  /** Findings by severity, without what cannot be read. */
  deny: number;
  warn: number;
}

export function review(input: Input): Outcome {
  const settings = readSettings(input.settings);
  const old = readTexts(input.old ?? '');
  const manifest = readTexts(input.manifest);
  const outcome: Outcome = {
    objects: [],
    marks: manifest.marks.slice(0, MOST_MARKS),
    oldMarks: old.marks.slice(0, MOST_MARKS),
    settingsMarks: settings.marks,
    totals: {
      objects: manifest.objects.length, unreadable: manifest.marks.length,
      refused: 0, changed: 0, notCovered: 0, deny: 0, warn: 0,
    },
  };
  if (settings.message !== undefined) return { ...outcome, settingsMessage: settings.message };
  const olds = new Map(old.objects.map((object) => [identity(object.json), object.json]));
  for (const object of manifest.objects) {
    const oldJson = input.old === undefined ? undefined : olds.get(identity(object.json));
    const answer = JSON.parse(json.reviewObject(change(object.json, oldJson, input.user), settings.json, input.now)) as Answer;
    count(answer, outcome.totals);
    if (outcome.objects.length < MOST_OBJECTS) {
      const operation = oldJson === undefined ? 'CREATE' : 'UPDATE';
      const isUnmatched = input.old !== undefined && oldJson === undefined;
      outcome.objects.push({ ...objectOutcome(object, answer), operation, isUnmatched });
    }
    const room = MOST_MARKS - outcome.marks.length;
    outcome.marks.push(...answer.findings.slice(0, room).map((finding) => mark(object, finding)));
  }
  outcome.marks.sort((a, b) => a.from - b.from);
  return outcome;
}

function count(answer: Answer, totals: Totals): void {
  const result = resultOf(answer);
  if (result === 'refused') totals.refused += 1;
  if (result === 'changed') totals.changed += 1;
  if (result === 'not covered') totals.notCovered += 1;
  for (const { severity } of answer.findings) totals[severity] += 1;
}

function readTexts(text: string): { objects: ManifestObject[]; marks: Mark[] } {
  const found: ManifestObject[] = [];
  const marks: Mark[] = [];
  for (const manifest of readManifests(text)) {
    if (!isReadable(manifest)) {
      marks.push({ ...manifest.at, severity: 'deny', text: manifest.error });
      continue;
    }
    for (const object of objects(manifest)) {
      const problem = problemOf(object.json);
      if (problem === undefined) found.push(object);
      else marks.push({ ...rangeOf(manifest, object.pointer, 'key'), severity: 'deny', text: problem });
    }
  }
  return { objects: found, marks };
}

function objectOutcome(object: ManifestObject, answer: Answer): Omit<ObjectOutcome, 'operation' | 'isUnmatched'> {
  const { apiVersion, kind, name } = head(object.json);
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '';
  return {
    kind,
    name,
    resource: `${kind.toLowerCase()}${group}/${name}`,
    result: resultOf(answer),
    warnings: answer.warnings,
    stored: storedRows(object, answer),
    at: rangeOf(object.manifest, object.pointer, 'key'),
    ...(answer.message !== undefined && { message: answer.message }),
  };
}

function resultOf(answer: Answer): ObjectOutcome['result'] {
  if (!answer.allowed) return 'refused';
  if (answer.auditAnnotations['not-covered'] !== undefined) return 'not covered';
  return answer.mutatedObject ? 'changed' : 'unchanged';
}

function storedRows({ manifest, pointer, json: written }: ManifestObject, answer: Answer): Row[] {
  if (!answer.mutatedObject) return [];
  const hidden = hiding(manifest);
  const stored = settingFields(manifest, pointer, JSON.parse(written), answer.mutatedObject);
  return diff(applied(manifest.text, hidden), applied(manifest.text, [...hidden, ...stored]));
}

function mark(object: ManifestObject, finding: Finding): Mark {
  const { manifest, pointer } = object;
  const { code, severity, text, target, fix } = finding;
  const found: Mark = { ...shownRange(object, finding.pointer, target), severity, text, code };
  const edit = fix && setting(manifest, pointer + fix.pointer, fix.value);
  if (fix && edit) {
    const shown = typeof fix.value === 'string' ? fix.value : JSON.stringify(fix.value);
    found.fix = { ...edit, from: manifest.from + edit.from, to: manifest.from + edit.to, shown };
  }
  return found;
}

/** Of a value over several lines the key: nobody reads a page that is underlined from top to bottom. */
function shownRange({ manifest, pointer }: ManifestObject, field: string, target: 'key' | 'value'): Range {
  const range = rangeOf(manifest, pointer + field, target);
  const isLong = manifest.text.slice(range.from - manifest.from, range.to - manifest.from).includes('\n');
  return isLong ? rangeOf(manifest, pointer + field, 'key') : range;
}

function change(object: string, old: string | undefined, user: User): string {
  const parts = [`"object":${object}`];
  if (old !== undefined) parts.push(`"oldObject":${old}`);
  if (user.username !== '' || user.groups.length > 0) parts.push(`"userInfo":${JSON.stringify(user)}`);
  return `{${parts.join(',')}}`;
}

/** An object keeps its identity over an update. */
function identity(text: string): string {
  const { kind, namespace, name } = head(text);
  return JSON.stringify([kind, namespace, name]);
}

function head(text: string) {
  const object = JSON.parse(text) as Record<string, unknown>;
  const metadata = (object['metadata'] ?? {}) as Record<string, unknown>;
  const string = (value: unknown) => (typeof value === 'string' ? value : '');
  return {
    apiVersion: string(object['apiVersion']),
    kind: string(object['kind']),
    namespace: string(metadata['namespace']),
    name: string(metadata['name']) || string(metadata['generateName']),
  };
}

/** More than anyone reads, and few enough to be handed to the page and drawn at once. */
const MOST_OBJECTS = 50;
const MOST_MARKS = 300;
