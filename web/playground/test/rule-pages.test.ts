import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPage, readPages } from '../build/rule-pages.ts';

const FOLDER = join(import.meta.dirname, '../../../rules');
const pages = readPages(FOLDER);

describe('the pages of the repository', () => {
  test('all are read, with every case and every claim', () => {
    const count = (pattern: RegExp) =>
      readdirSync(FOLDER)
        .map((file) => readFileSync(join(FOLDER, file), 'utf8').match(pattern)?.length ?? 0)
        .reduce((sum, found) => sum + found);
    const cases = pages.flatMap((page) => page.cases);
    expect(pages.length).toBe(readdirSync(FOLDER).length);
    expect(cases.length).toBe(count(/^## /gm));
    expect(cases.flatMap((it) => it.claims).length).toBe(count(/# (deny|warn) /g));
    expect(cases.flatMap((it) => it.stored).length).toBe(count(/# stored: /g));
    for (const name of ['settings', 'user', 'old'] as const) {
      expect(cases.filter((it) => it[name]).length).toBe(count(new RegExp(`^\`\`\`yaml ${name}$`, 'gm')));
    }
  });

  test('no claim is left in the text of an object, and each claim has a line there', () => {
    for (const { code, cases } of pages) {
      for (const { heading, object, claims, stored } of cases) {
        expect(object, `${code}: ${heading}`).not.toMatch(/# (deny|warn|stored)/);
        expect(object, `${code}: ${heading}`).not.toMatch(/[ \t]$/m);
        const lines = object.split('\n');
        for (const { line } of [...claims, ...stored]) {
          expect(lines[line - 1]?.trim(), `${code}: ${heading}`).toBeTruthy();
        }
      }
    }
  });
});

const GOOD = `# some-rule

Why.

## Warned: days

A remark.

\`\`\`yaml settings
accessGrant:
  rewriteWindows: true
\`\`\`

\`\`\`yaml object
# warn some-rule: spec: is odd
kind: AccessGrant
spec:
  expirationWindow: 1 day # warn some-rule: write '24h' # stored: "24h"
\`\`\`
`;

test('a page is read into its parts', () => {
  expect(readPage('some-rule.md', GOOD)).toEqual({
    code: 'some-rule',
    why: 'Why.',
    cases: [{
      heading: 'days',
      outcome: 'warned',
      remark: 'A remark.',
      settings: 'accessGrant:\n  rewriteWindows: true\n',
      object: 'kind: AccessGrant\nspec:\n  expirationWindow: 1 day\n',
      claims: [
        { line: 1, severity: 'warn', code: 'some-rule', text: 'spec: is odd' },
        { line: 3, severity: 'warn', code: 'some-rule', text: "write '24h'" },
      ],
      stored: [{ line: 3, value: '"24h"' }],
    }],
  });
});

describe('a broken page is an error with its line', () => {
  const cases: [name: string, from: string | RegExp, to: string, error: string][] = [
    ['title of another rule', '# some-rule', '# other-rule', "some-rule.md:1: the first line must be '# some-rule'"],
    ['nothing says why', 'Why.\n', '', 'some-rule.md:1: the page must say why the rule is there'],
    ['no case', /## Warned[^]*/, '', "some-rule.md:5: the page must have a case, '## Refused: ...'"],
    ['heading without outcome', '## Warned: days', '## Days', "some-rule.md:5: the heading must begin with 'Refused: ', 'Warned: ' or 'Accepted: '"],
    ['heading of another level', '## Warned: days', '### Warned: days', "some-rule.md:5: a heading must begin with '## '"],
    ['unknown block', 'yaml settings', 'yaml setting', "some-rule.md:9: unknown block '```yaml setting': it must be yaml and one of settings, user, old, object"],
    ['block without a name', '```yaml settings', '```', "some-rule.md:9: unknown block '```': it must be yaml and one of settings, user, old, object"],
    ['no object', 'yaml object', 'yaml old', "some-rule.md:5: there must be a block named 'object'"],
    ['two of a name', 'yaml settings', 'yaml object', "some-rule.md:14: there must be one block named 'object'"],
    ['block within a block', '  rewriteWindows: true\n```\n', '', 'some-rule.md:9: the block is not closed'],
    ['last block not closed', /```\n$/, '', 'some-rule.md:14: the block is not closed'],
    ['comment that claims nothing', '# warn some-rule: spec: is odd', '# a note', "some-rule.md:15: a claim is 'deny CODE: TEXT', 'warn CODE: TEXT' or 'stored: JSON': 'a note'"],
    ['second claim that claims nothing', '# stored:', '# kept:', "some-rule.md:18: a claim is 'deny CODE: TEXT', 'warn CODE: TEXT' or 'stored: JSON': 'kept: \"24h\"'"],
  ];
  test.each(cases)('%s', (_name, from, to, error) => {
    const text = GOOD.replace(from, to);
    expect(text).not.toBe(GOOD);
    expect(() => readPage('some-rule.md', text)).toThrow(new Error(error));
  });
});
