import { expect, test } from 'vitest';
import { isReadable, readManifests } from '../src/manifest.ts';

test.each([
  ['flow lists', (depth: number) => `spec: ${'['.repeat(depth)}${']'.repeat(depth)}\n`],
  ['flow maps', (depth: number) => `spec: ${'{a: '.repeat(depth)}1${'}'.repeat(depth)}\n`],
  ['JSON', (depth: number) => `{"spec": ${'[\n'.repeat(depth)}${']'.repeat(depth)}}\n`],
  ['compact lists', (depth: number) => `spec:\n  ${'- '.repeat(depth)}1\n`],
])('%s are read 200 levels deep, and refused at 500 and at whatever would exhaust the stack', (_name, nested) => {
  expect(readManifests(nested(200)).every(isReadable)).toBe(true);
  for (const depth of [500, 5_000, 50_000, 500_000]) {
    const [manifest] = readManifests(nested(depth));
    expect(manifest).toMatchObject({ error: 'a manifest must be at most 400 levels deep' });
  }
});
