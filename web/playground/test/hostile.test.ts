import { redactText, reviewText } from 'skupper-access-policy/text';
import { expect, test } from 'vitest';
import { review } from '../src/review.ts';

const SIZE = 1 << 17;
const HEAD = 'apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n';

/** Texts of 128 KiB that someone else may have written: a link opens them. */
test.each([
  ['brackets', '['.repeat(SIZE)],
  ['braces', '{'.repeat(SIZE)],
  ['braces with keys', '{a: '.repeat(SIZE / 4)],
  ['JSON braces', '{"a":'.repeat(SIZE / 5)],
  ['quotes', '"'.repeat(SIZE)],
  ['escaped quotes in JSON', `{"${'\\"'.repeat(SIZE / 2)}`],
  ['dashes', '- '.repeat(SIZE / 2)],
  ['question marks', '? '.repeat(SIZE / 2)],
  ['separators', '---\n'.repeat(SIZE / 4)],
  ['aliases', `${HEAD}spec:\n  a: &a 1\n  b: [${'*a,'.repeat(SIZE / 3)}]\n`],
  ['anchors', `${HEAD}spec: [${Array.from({ length: SIZE / 12 }, (_, index) => `&a${index} 1`).join(',')}]\n`],
  ['aliases of aliases', `${HEAD}a: &a [${'x,'.repeat(1000)}]\nb: &b [${'*a,'.repeat(1000)}]\nc: [${'*b,'.repeat(1000)}]\n`],
  ['merges', `${HEAD}a: &a {${Array.from({ length: 2_500 }, (_, index) => `k${index}: 1`).join(',')}}\nb:\n${'  <<: *a\n'.repeat(10_000)}`],
  ['an alias of itself', `${HEAD}spec: &a {b: *a}\n`],
  ['a merge of itself', `${HEAD}spec: &a\n  <<: *a\n`],
  ['keys', `${HEAD}spec:\n${Array.from({ length: 10_000 }, (_, index) => `  k${index}: 1\n`).join('')}`],
  ['the same key', `${HEAD}spec:\n${'  code: abc\n'.repeat(SIZE / 12)}`],
  ['tabs', `${HEAD}spec:\n${'\t'.repeat(SIZE)}`],
  ['blanks', `${HEAD}spec:\n${' '.repeat(SIZE)}`],
  ['lines of blanks', `${HEAD}spec:\n${'  \n'.repeat(SIZE / 3)}`],
  ['comments', '# %\n'.repeat(SIZE / 4)],
  ['directives', '%\n'.repeat(SIZE / 2)],
  ['a long text', `${HEAD}spec: {expirationWindow: ${'a'.repeat(SIZE)}}\n`],
  ['a long code', `${HEAD}spec: {code: ${'a'.repeat(SIZE)}}\n`],
  ['a long block', `${HEAD}spec:\n  code: |\n${'    a\n'.repeat(SIZE / 6)}`],
  ['a long key', `${HEAD}spec: {${'a'.repeat(SIZE)}: 1}\n`],
  ['colons', ':'.repeat(SIZE)],
  ['backslashes', `${HEAD}spec: {code: "${'\\'.repeat(SIZE)}"}\n`],
  ['many documents', `---\n${HEAD}`.repeat(SIZE / 80)],
  ['NUL', '\0'.repeat(SIZE)],
  ['half of a surrogate pair', `${HEAD}spec: {code: ${'\ud83d'.repeat(1000)}}\n`],
])('a hostile text is answered within seconds: %s', (_name, manifest) => {
  const start = performance.now();
  const user = { username: '', groups: [] };
  review({ manifest, old: manifest, settings: manifest, user, now: '2026-05-01T12:00:00Z' });
  review({ manifest, old: manifest, settings: '', user, now: '2026-05-01T12:00:00Z' });
  redactText(manifest);
  expect(performance.now() - start).toBeLessThan(20_000);
}, 60_000);

test.each([
  ['flow lists', (depth: number) => `${HEAD}spec: ${'['.repeat(depth)}${']'.repeat(depth)}\n`],
  ['flow maps', (depth: number) => `${HEAD}spec: ${'{a: '.repeat(depth)}1${'}'.repeat(depth)}\n`],
  ['JSON', (depth: number) => `{"spec": ${'[\n'.repeat(depth)}${']'.repeat(depth)}}\n`],
  ['compact lists', (depth: number) => `${HEAD}spec:\n  ${'- '.repeat(depth)}1\n`],
])('%s are read 100 levels deep, and refused at 200 and at whatever would exhaust the stack', (_name, nested) => {
  expect(reviewText(nested(100)).unreadable).toEqual([]);
  for (const depth of [200, 5_000, 50_000, 500_000]) {
    expect(reviewText(nested(depth)).unreadable).toHaveLength(1);
  }
});
