/** The outcome of the page's texts. Pure: the same texts and time give the same outcome. */

import { reviewText, type TextAnswer, type TextEdit, type TextObject, type TextProblem } from 'skupper-access-policy/text';
import { diff, type Row } from './diff.ts';
import { applied } from './edit.ts';
import type { Mark } from './mark.ts';

/** The texts of the page. */
export interface Input {
  manifest: string;
  /** The old objects of an UPDATE. */
  old: string | undefined;
  settings: string;
  user: User;
  /** RFC 3339. */
  now: string;
}

/** The user who asks. */
export interface User {
  username: string;
  groups: string[];
}

/** The result of one object. */
export interface ObjectOutcome extends Omit<TextObject, 'document' | 'stored'> {
  /** True where Kubernetes refuses it, before any policy is asked. */
  isInvalid: boolean;
  /** The stored object, compared with the text. */
  stored: Row[];
}

export interface Outcome {
  /** The first of them. */
  objects: ObjectOutcome[];
  /** The first of them, as of the other texts. */
  marks: Mark[];
  oldMarks: Mark[];
  settingsMarks: Mark[];
  /** The reason the settings cannot be used: then nothing is judged. */
  settingsMessage?: string;
  totals: Totals;
}

/** Totals of the manifest, including objects and findings that are not listed. */
export interface Totals {
  objects: number;
  /** Documents that cannot be read. */
  unreadable: number;
  /** Objects that are not judged, such as templates. */
  notJudged: number;
  refused: number;
  changed: number;
  notCovered: number;
  /** Findings by severity; errors of reading are not among them. */
  deny: number;
  warn: number;
  notes: number;
}

export function review({ manifest, old, settings, user, now }: Input): Outcome {
  const isSomebody = user.username !== '' || user.groups.length > 0;
  const answer = reviewText(manifest, { settings, old, user: isSomebody ? user : null, now });
  const { message, findings } = answer.settings;
  return {
    objects: answer.objects.slice(0, MOST_OBJECTS).map((object) => objectOutcome(manifest, object, answer)),
    marks: marksOf(answer).sort((a, b) => a.from - b.from).slice(0, MOST_MARKS),
    oldMarks: answer.old.unreadable.slice(0, MOST_MARKS).map(error),
    settingsMarks: findings.slice(0, MOST_MARKS).map(error),
    ...(message !== undefined && { settingsMessage: message }),
    totals: totalsOf(answer),
  };
}

function objectOutcome(text: string, object: TextObject, { findings, hidden }: TextAnswer): ObjectOutcome {
  const { document, stored, ...rest } = object;
  const moved = (edits: readonly TextEdit[]) => edits
    .filter(({ from, to }) => document.from <= from && to <= document.to)
    .map(({ from, to, insert }) => ({ from: from - document.from, to: to - document.from, insert }));
  const rows = () => {
    const written = text.slice(document.from, document.to);
    return diff(applied(written, moved(hidden)), applied(written, moved([...hidden, ...stored])));
  };
  // The policy's refusal names the object; that of a check is its finding.
  const isInvalid = findings.some(({ text }) => text === object.message);
  return { ...rest, isInvalid, stored: stored.length > 0 ? rows() : [] };
}

function marksOf({ unreadable, findings, notes }: TextAnswer): Mark[] {
  return [
    ...unreadable.map(error),
    ...findings,
    ...notes.map(({ from, to, text }): Mark => ({ from, to, text, severity: 'note' })),
  ];
}

function error({ from, to, text }: TextProblem): Mark {
  return { from, to, text, severity: 'deny' };
}

function totalsOf({ objects, unreadable, findings, notes }: TextAnswer): Totals {
  const results = (wanted: TextObject['result']) => objects.filter(({ result }) => result === wanted).length;
  const found = (wanted: Mark['severity']) => findings.filter(({ severity }) => severity === wanted).length;
  return {
    objects: objects.length,
    unreadable: unreadable.length,
    notJudged: notes.reduce((sum, { count }) => sum + count, 0),
    refused: results('refused'),
    changed: results('changed'),
    notCovered: results('not covered'),
    deny: found('deny'),
    warn: found('warn'),
    notes: notes.length,
  };
}

/** More than anyone reads, and few enough to be handed to the page and drawn at once. */
const MOST_OBJECTS = 50;
const MOST_MARKS = 300;
