/** The cases of the rule pages with the engine's own answers. */

import { json, type Answer } from 'skupper-access-policy';
import { reviewText, type TextAnswer } from 'skupper-access-policy/text';
import { diff, type Row } from '../../src/diff.ts';
import { applied } from '../../src/edit.ts';
import { isOfChecker, userOf, type RuleCase, type RulePage } from '../rule-pages.ts';

/** A page whose cases are answered. */
export interface ReviewedPage extends RulePage {
  cases: ReviewedCase[];
}

export interface ReviewedCase extends RuleCase {
  /** The text of the refusal. */
  message: string | undefined;
  warnings: string[];
  /** The stored object, compared with the one that is written. */
  rows: Row[];
}

/** Throws where the answer differs from the heading: then the page or the engine is wrong. */
export function reviewed(page: RulePage, now: string): ReviewedPage {
  return { ...page, cases: page.cases.map((it) => reviewedCase(page, it, now)) };
}

function reviewedCase(page: RulePage, it: RuleCase, now: string): ReviewedCase {
  const { object, old, settings = '' } = it;
  const text = reviewText(object, { old, settings, user: userOf(it), now });
  const answer = isOfChecker(page) ? ofChecker(text) : JSON.parse(json.reviewObject(it.change, it.settingsJson, now)) as Answer;
  if (outcomeOf(answer) !== it.outcome) {
    throw new Error(`${page.code}: ${it.heading}: ${outcomeOf(answer)}, and not ${it.outcome}`);
  }
  const stored = text.objects.flatMap((each) => each.stored);
  const { message, warnings } = answer;
  return { ...it, message, warnings, rows: diff(object, applied(object, stored)) };
}

/** The answer of the checks that run before any policy is asked. */
function ofChecker({ objects, findings }: TextAnswer): Answered {
  return {
    allowed: objects.every(({ result }) => result !== 'refused'),
    message: objects.find(({ message }) => message !== undefined)?.message,
    warnings: findings.filter(({ severity }) => severity === 'warn').map(({ text }) => text),
    findings,
  };
}

function outcomeOf({ allowed, findings }: Answered): RuleCase['outcome'] {
  if (!allowed) return 'refused';
  return findings.some(({ severity }) => severity === 'warn') ? 'warned' : 'accepted';
}

interface Answered {
  allowed: boolean;
  message?: string | undefined;
  warnings: string[];
  findings: { severity: 'deny' | 'warn' }[];
}
