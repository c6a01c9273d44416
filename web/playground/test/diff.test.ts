import { expect, test } from 'vitest';
import { diff } from '../src/diff.ts';

const SIGNS = { same: ' ', gone: '-', new: '+' };

test.each([
  ['equal', 'a b c', 'a b c', ''],
  ['one changed', 'a b c', 'a x c', ' a -b +x  c'],
  ['one more', 'a b', 'a b c', ' a  b +c'],
  ['one less', 'a b c', 'a c', ' a -b  c'],
  ['at both ends', 'a b c', 'x b y', '-a +x  b -c +y'],
  ['from nothing', '', 'a', '- +a'],
  ['near each other', '1 2 3 4 5 6 7 8 9 a b', '1 x 3 4 5 6 7 8 9 a y', ' 1 -2 +x  3  4  5  6  7  8  9  a -b +y'],
  ['far apart', 'x 1 2 3 4 5 6 7 8 9 a b c x', 'y 1 2 3 4 5 6 7 8 9 a b c y', '-x +y  1  2  3 ~6  a  b  c -x +y'],
  ['the beginning left out', '1 2 3 4 5 6 7 8 9 x', '1 2 3 4 5 6 7 8 9 y', '~6  7  8  9 -x +y'],
])('diff: %s', (_name, before, after, expected) => {
  const rows = diff(before.replaceAll(' ', '\n'), after.replaceAll(' ', '\n'));
  const shown = rows.map((row) => (row.kind === 'gap' ? `~${row.count}` : SIGNS[row.kind] + row.text));
  expect(shown.join(' ')).toBe(expected);
});

test('a diff of two long texts, of which every line differs, ends at once', () => {
  const text = (word: string) => Array.from({ length: 20_000 }, (_, index) => word + index).join('\n');
  const start = performance.now();
  expect(diff(text('a'), text('b'))).toHaveLength(40_000);
  expect(performance.now() - start).toBeLessThan(2000);
});
