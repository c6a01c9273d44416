import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isReadable, readManifests } from '../src/manifest';

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
  if (error) {
    expect(read.some((each) => !isReadable(each))).toBe(true);
    return;
  }
  expect(read.map((each) => (isReadable(each) ? JSON.parse(exact(each.json)) as unknown : each))).toEqual(documents);
});

/** JSON with every number as text, so that none loses its last digits. */
function exact(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => (token.startsWith('"') ? token : `"#${token}"`));
}
