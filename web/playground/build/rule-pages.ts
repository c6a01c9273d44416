/** The rules and their pages, as the crate `rule-pages` prints them. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rule, UserInfo } from 'skupper-access-policy';

/** The result of a case, as its heading says it. */
export type Outcome = 'refused' | 'warned' | 'accepted';

interface Page {
  code: string;
  /** Markdown. */
  why: string;
  cases: RuleCase[];
}

export interface RulePage extends Page, Rule {}

export interface RuleCase {
  /** Without the outcome: `days, which Go does not have`. */
  heading: string;
  outcome: Outcome;
  /** Markdown between heading and blocks, or nothing. */
  remark: string;
  /** YAML without claims, as the following three. */
  object: string;
  old?: string;
  settings?: string;
  user?: string;
  /** JSON text of the change: `object`, `oldObject` and `userInfo`. */
  change: string;
  /** JSON text of the settings. */
  settingsJson: string;
  claims: Claim[];
  stored: Stored[];
}

/** A finding that a comment claims. */
export interface Claim {
  /** Line of `object`, from 1. */
  line: number;
  severity: 'deny' | 'warn';
  code: string;
  /** A part of the finding's text. */
  text: string;
}

/** A value that a comment claims to be stored. */
export interface Stored {
  /** Line of `object`, from 1. */
  line: number;
  /** JSON text. */
  value: string;
}

/** True for a rule of the checker: it judges objects of any kind, and no setting changes it. */
export function isOfChecker({ kinds }: Rule): boolean {
  return kinds.length === 0;
}

/** The user of a case. */
export function userOf({ change }: RuleCase): UserInfo | undefined {
  const { userInfo } = JSON.parse(change) as { userInfo: UserInfo | null };
  return userInfo ?? undefined;
}

/** Every rule with its page, in the order in which findings are reported, and the time of all cases. */
export function readPages(): { now: string; pages: RulePage[] } {
  if (!existsSync(FILE)) throw new Error(`${FILE} is missing: run \`make web\``);
  const printed = JSON.parse(readFileSync(FILE, 'utf8')) as { now: string; rules: Rule[]; pages: Page[] };
  const pages = new Map(printed.pages.map((page) => [page.code, page]));
  return {
    now: printed.now,
    pages: printed.rules.map((rule) => {
      const page = pages.get(rule.code);
      if (!page) throw new Error(`rules has no page for the rule '${rule.code}'`);
      return { ...page, ...rule };
    }),
  };
}

/** Written by `make web`; `RULE_PAGES` names another file. */
export const FILE = process.env['RULE_PAGES'] ?? join(import.meta.dirname, '../../../target/web/pages.json');
