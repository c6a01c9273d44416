/** The cases of the rule pages with the engine's answers: what the reference shows is never typed. */

import { json, type Answer } from 'skupper-access-policy';
import { NOW } from '../examples';
import type { RuleCase, RulePage } from '../rule-pages';
import { jsonOf } from './manifest';

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
  const [object, old, user] = [it.object, it.old, it.user].map((yaml) => (yaml ? jsonOf(yaml) : 'null'));
  const change = `{"object": ${object}, "oldObject": ${old}, "userInfo": ${user}}`;
  const settings = it.settings ? jsonOf(it.settings) : '{}';
  const answer = JSON.parse(json.reviewObject(change, settings, NOW)) as Answer;
  if (outcomeOf(answer) !== it.outcome) {
    throw new Error(`${code}: ${it.heading}: ${outcomeOf(answer)}, and not ${it.outcome}`);
  }
  const stored = answer.mutatedObject;
  const changes = stored === undefined ? [] : changesBetween(JSON.parse(object ?? 'null'), stored);
  return { ...it, answer, changes };
}

function outcomeOf({ allowed, findings }: Answer): RuleCase['outcome'] {
  if (!allowed) return 'refused';
  return findings.some(({ severity }) => severity === 'warn') ? 'warned' : 'accepted';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
