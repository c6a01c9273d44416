import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isReadable, readManifests } from '../src/manifest.ts';
import { objects, problemOf } from '../src/manifest/objects.ts';

/** What the real kubectl makes of a manifest. Numbers are compared by their text. */
interface Recorded {
  name: string;
  yaml?: string;
  documents?: unknown[];
  error?: true;
}

const recorded = JSON.parse(exact(readFileSync(new URL('../../../tests/yaml/kubectl.json', import.meta.url), 'utf8'))) as Recorded[];

/** Rows that kubectl reads and the page refuses. Nothing is read as something else. */
const REFUSED = [
  'value: {a:}',
  'value: {\n  a: 1\n}',
  'value: [\n1\n]',
  'value: { a: 1\n  , b: 2 }',
  'value: "a\nb"',
  "value: 'a\nb'",
  'value: "a\n\tb"',
  'value: "\\\'"',
  'alias as a key without a blank',
  'next line as a line end',
  'line separator as a line end',
  'line separator in quotes',
  'paragraph separator in a block',
  'next line in a block',
  'JSON with a lone surrogate',
];

test('only recorded rows are refused', () => {
  const names = recorded.map(({ name }) => name);
  expect(REFUSED.filter((name) => !names.includes(name))).toEqual([]);
});

test.each(recorded)('kubectl: $name', ({ name, yaml = '', documents, error }) => {
  const read = readManifests(yaml);
  const found = read.flatMap((each) => (isReadable(each) ? objects(each) : []));
  if (error || REFUSED.includes(name)) {
    const problems = found.map(({ json }) => problemOf(json));
    expect(read.some((each) => !isReadable(each)) || problems.some(Boolean)).toBe(true);
    return;
  }
  expect(read.filter((each) => !isReadable(each))).toEqual([]);
  expect(found.map(({ json }) => JSON.parse(exact(json)) as unknown)).toEqual(documents ?? []);
});

/** JSON with every number as text: integers of 64 bits to the letter, all others as doubles. */
function exact(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => {
    if (token.startsWith('"')) return token;
    const isInteger = /^-?\d+$/.test(token) && BigInt.asIntN(64, BigInt(token)) === BigInt(token);
    return `"#${isInteger ? BigInt(token) : Number(token)}"`;
  });
}
