import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { examplesOf, NOW, RULE_PAGES } from '../build/examples.ts';
import { pack, unpack } from '../build/packed.ts';
import { readPages } from '../build/rule-pages.ts';

const examples = examplesOf(readPages(RULE_PAGES));

test('what is packed is unpacked to the letter', () => {
  expect(unpack(JSON.parse(JSON.stringify(pack(examples))))).toEqual(examples);
});

test('all examples add at most 21 KB to the first load', () => {
  expect(gzipSync(JSON.stringify(pack(examples)), { level: 9 }).length).toBeLessThan(21_000);
});

test('examples are judged at the time of the pages', () => {
  const clock = readFileSync(join(RULE_PAGES, '../common/clock.rs'), 'utf8');
  const seconds = /from_timestamp\(([0-9_]+)/.exec(clock)?.[1]?.replaceAll('_', '');
  expect(Date.parse(NOW)).toBe(Number(seconds) * 1000);
});
