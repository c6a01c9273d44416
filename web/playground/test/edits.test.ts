import { examples, now } from 'virtual:examples';
import { json, type Answer } from 'skupper-access-policy';
import { expect, test } from 'vitest';
import { applied } from '../src/edit.ts';
import { isReadable, readManifests, type Manifest } from '../src/manifest.ts';
import { setting, settings as settingFields } from '../src/manifest/set.ts';

const name = ({ code, index, heading }: (typeof examples)[number]) => `${code}/${index}: ${heading}`;

test.each(examples.map((example) => [name(example), example] as const))(
  'what is shown as stored is what is stored: %s',
  (_name, example) => {
    const manifest = only(example.object);
    const answer = reviewed(example, manifest.json);
    if (!answer.mutatedObject) return;
    const edits = settingFields(manifest, '', JSON.parse(manifest.json), answer.mutatedObject);
    expect(JSON.parse(only(applied(manifest.text, edits)).json)).toEqual(answer.mutatedObject);
  },
);

test.each(examples.map((example) => [name(example), example] as const))(
  'a fix ends the finding: %s',
  (_name, example) => {
    const manifest = only(example.object);
    for (const { code, pointer, fix } of reviewed(example, manifest.json).findings) {
      if (!fix) continue;
      const edit = setting(manifest, fix.pointer, fix.value);
      if (!edit) throw new Error(`the fix of ${code} cannot be applied`);
      const fixed = reviewed(example, only(applied(manifest.text, [edit])).json);
      expect(fixed.findings.filter((each) => each.code === code && each.pointer === pointer)).toEqual([]);
    }
  },
);

test.each([
  ['a plain value', 'a: 1 day # c\nb: 2\n', '/a', '24h', 'a: 24h # c\nb: 2\n'],
  ['a value in double quotes', 'a: "1 day"\n', '/a', '24h', 'a: "24h"\n'],
  ['a value in single quotes', "a: '1 day'\n", '/a', '24h', "a: '24h'\n"],
  ['a value that is no text without quotes', 'a: x\n', '/a', 'yes', 'a: "yes"\n'],
  ['a value with a colon in it', 'a: x\n', '/a', 'b: c', 'a: "b: c"\n'],
  ['a number', 'a: 0\n', '/a', 1, 'a: 1\n'],
  ['in flow style', '{a: 1 day, b: 2}\n', '/a', '24h', '{a: 24h, b: 2}\n'],
  ['nothing behind the colon', 'a:\nb: 2\n', '/a', '24h', 'a: 24h\nb: 2\n'],
  ['nothing but a comment', 'a: # c\nb: 2\n', '/a', '24h', 'a: 24h # c\nb: 2\n'],
  ['a block', 'a: |\n  x\n  y\nb: 2\n', '/a', '24h', 'a: "24h"\nb: 2\n'],
  ['an alias', 'b: &x 1 day\na: *x\n', '/a', '24h', 'b: &x 1 day\na: 24h\n'],
  ['an anchor stays', 'a: &x 1 day\nb: 2\n', '/a', '24h', 'a: &x 24h\nb: 2\n'],
  ['the last of two', 'a: 1\na: 2\n', '/a', 3, 'a: 1\na: 3\n'],
  ['absent', 'a:\n  b: 1 # c\nd: 2\n', '/a/c', 'x', 'a:\n  b: 1 # c\n  c: x\nd: 2\n'],
  ['absent, behind a block', 'a:\n  b: |\n    x\n', '/a/c', 'x', 'a:\n  b: |\n    x\n  c: x\n'],
  ['absent, without a line end', 'a:\n  b: 1', '/a/c', 'x', 'a:\n  b: 1\n  c: x'],
  ['absent in flow style', '{a: {b: 1}}\n', '/a/c', 'x', '{a: {b: 1, c: x}}\n'],
  ['absent in an empty mapping', 'a: {}\n', '/a/c', 'x', 'a: {c: x}\n'],
  ['absent with its parent', 'a: 1\n', '/b/c', 'x', 'a: 1\nb:\n  c: x\n'],
  ['absent, and nothing behind its parent', 'a:\nb: 1\n', '/a/c', 'x', 'a:\n  c: x\nb: 1\n'],
  ['absent in null', 'a: ~\nb: 1\n', '/a/c', 'x', 'a: {c: x}\nb: 1\n'],
  ['a list', 'a:\n  - x\n  - y\nb: 1\n', '/a', ['z'], 'a:\n  - z\nb: 1\n'],
  ['absent list', 'a: 1\n', '/b', ['w', 'z'], 'a: 1\nb:\n- w\n- z\n'],
  ['an element', 'a: [x, y]\n', '/a/1', 'z', 'a: [x, z]\n'],
  ['through an alias', 'b: &x {c: 1}\na: *x\n', '/a/c', 2, undefined],
  ['through a merge key', 'b: &x {c: 1}\na:\n  <<: *x\n', '/a/c', 2, undefined],
  ['below a text', 'a: x\n', '/a/b', 1, undefined],
])('a value is set and the rest stays: %s', (_name, text, pointer, value, expected) => {
  const manifest = only(text);
  const edit = setting(manifest, pointer, value);
  expect(edit && applied(manifest.text, [edit])).toBe(expected);
});

function reviewed({ old, settings, user }: (typeof examples)[number], object: string): Answer {
  const part = (text: string | undefined) => (text === undefined ? 'null' : only(text).json);
  const change = `{"object":${object},"oldObject":${part(old)},"userInfo":${part(user)}}`;
  return JSON.parse(json.reviewObject(change, part(settings), now)) as Answer;
}

function only(text: string): Manifest {
  const [manifest] = readManifests(text);
  if (!manifest || !isReadable(manifest)) throw new Error(`cannot be read: ${JSON.stringify(manifest)}`);
  return manifest;
}
