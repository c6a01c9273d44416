import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isReadable, rangeOf, readManifests } from '../src/manifest.ts';

/** Where a finding belongs: line and column from 1, counted in code points, the end exclusive. */
interface Position {
  name: string;
  yaml: string;
  document: number;
  pointer: string;
  target: 'key' | 'value';
  at: [line: number, column: number, endLine: number, endColumn: number];
}

const positions = JSON.parse(readFileSync(new URL('../../../tests/yaml/positions.json', import.meta.url), 'utf8')) as Position[];

test.each(positions)('position: $name, $pointer, $target', ({ yaml, document, pointer, target, at }) => {
  const manifest = readManifests(yaml)[document];
  if (!manifest || !isReadable(manifest)) throw new Error('the document cannot be read');
  const { from, to } = rangeOf(manifest, pointer, target);
  expect([...lineAndColumn(yaml, from), ...lineAndColumn(yaml, to)]).toEqual(at);
});

function lineAndColumn(text: string, offset: number): [line: number, column: number] {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return [lines.length, [...(lines.at(-1) ?? '')].length + 1];
}
