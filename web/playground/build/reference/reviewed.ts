/** The cases of the rule pages with the engine's answers: what the reference shows is never typed. */

import { json, type Answer } from 'skupper-access-policy';
import { isReadable, readManifests } from '../../src/manifest.ts';
import { NOW } from '../examples.ts';
import type { RuleCase, RulePage } from '../rule-pages.ts';

/** A page whose cases are answered. */
export interface ReviewedPage extends RulePage {
  cases: ReviewedCase[];
}

export interface ReviewedCase extends RuleCase {
  answer: Answer;
  /** What is written at admission, in the order of the stored object. */
  changes: Change[];
}

/** A value that is stored other than it was written. */
export interface Change {
  /** `spec.redemptionsAllowed` */
  path: string;
  /** JSON, or nothing where there was none. */
  before: string | undefined;
  after: string | undefined;
}

/** Throws where the answer is another than the heading says: then page or engine is wrong. */
export function reviewed(page: RulePage): ReviewedPage {
  return { ...page, cases: page.cases.map((it) => reviewedCase(page.code, it)) };
}

/** Every difference between two values, at the deepest place where both are objects. */
export function changesBetween(before: unknown, after: unknown, path: string[] = []): Change[] {
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => changesBetween(before[name], after[name], [...path, name]));
  }
  const [from, to] = [JSON.stringify(before), JSON.stringify(after)];
  return from === to ? [] : [{ path: path.join('.'), before: from, after: to }];
}

function reviewedCase(code: string, it: RuleCase): ReviewedCase {
  const object = jsonOf(it.object);
  const change = `{"object": ${object}, "oldObject": ${jsonOf(it.old)}, "userInfo": ${jsonOf(it.user)}}`;
  const answer = JSON.parse(json.reviewObject(change, jsonOf(it.settings), NOW)) as Answer;
  if (outcomeOf(answer) !== it.outcome) {
    throw new Error(`${code}: ${it.heading}: ${outcomeOf(answer)}, and not ${it.outcome}`);
  }
  const stored = answer.mutatedObject;
  const changes = stored === undefined ? [] : changesBetween(JSON.parse(object), stored);
  return { ...it, answer, changes };
}

/** Text, as numbers need it: JavaScript's have 53 bits. */
function jsonOf(yaml: string | undefined): string {
  const [manifest] = readManifests(yaml ?? '');
  if (!manifest) return 'null';
  if (!isReadable(manifest)) throw new Error(`${manifest.error}:\n${yaml}`);
  return manifest.json;
}

function outcomeOf({ allowed, findings }: Answer): RuleCase['outcome'] {
  if (!allowed) return 'refused';
  return findings.some(({ severity }) => severity === 'warn') ? 'warned' : 'accepted';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
