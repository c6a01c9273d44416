import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { examplesOf } from '../build/examples.ts';
import { pack, unpack } from '../build/packed.ts';
import { readPages } from '../build/rule-pages.ts';

const examples = examplesOf(readPages().pages);

test('what is packed is unpacked to the letter', () => {
  expect(unpack(JSON.parse(JSON.stringify(pack(examples))))).toEqual(examples);
});

test('all examples add at most 21 KB to the first load', () => {
  expect(gzipSync(JSON.stringify(pack(examples)), { level: 9 }).length).toBeLessThan(21_000);
});
