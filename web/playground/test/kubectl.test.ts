import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isReadable, readManifests } from '../src/manifest.ts';
import { objects, problemOf } from '../src/manifest/objects.ts';

/** What the real kubectl makes of a manifest. Numbers are compared by their text. */
interface Recorded {
  name: string;
  yaml: string;
  documents?: unknown[];
  error?: true;
}

const recorded = JSON.parse(exact(readFileSync(new URL('../../../tests/yaml/kubectl.json', import.meta.url), 'utf8'))) as Recorded[];

test.each(recorded)('kubectl: $name', ({ yaml, documents, error }) => {
  const read = readManifests(yaml);
  const found = read.flatMap((each) => (isReadable(each) ? objects(each) : []));
  if (error) {
    const problems = found.map(({ json }) => problemOf(json));
    expect(read.some((each) => !isReadable(each)) || problems.some(Boolean)).toBe(true);
    return;
  }
  expect(read.filter((each) => !isReadable(each))).toEqual([]);
  expect(found.map(({ json }) => JSON.parse(exact(json)) as unknown)).toEqual(documents);
});

/** JSON with every number as text, so that none loses its last digits. */
function exact(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => (token.startsWith('"') ? token : `"#${token}"`));
}
