import { examples, now } from 'virtual:examples';
import { reviewText, type TextAnswer } from 'skupper-access-policy/text';
import { expect, test } from 'vitest';
import { applied } from '../src/edit.ts';

type Example = (typeof examples)[number];

const named = examples.map((example) => [`${example.code}/${example.index}: ${example.heading}`, example] as const);

test.each(named)('what is shown as stored is complete: %s', (_name, example) => {
  const [first] = reviewed(example, example.object).objects;
  if (first?.result !== 'changed') {
    expect(first?.stored).toEqual([]);
    return;
  }
  expect(first.stored.length).toBeGreaterThan(0);
  // A code that is written back is not shown.
  if (first.stored.some(({ insert }) => insert.includes('***'))) return;
  const again = reviewed(example, applied(example.object, first.stored));
  expect(again.objects.map(({ result }) => result)).toEqual(['unchanged']);
});

test.each(named)('a fix ends the finding: %s', (_name, example) => {
  for (const { code, path, fix } of reviewed(example, example.object).findings) {
    if (!fix) continue;
    const { findings } = reviewed(example, applied(example.object, [fix]));
    expect(findings.filter((each) => each.code === code && each.path === path)).toEqual([]);
  }
});

test.each([
  ['a plain value', 'spec:\n  expirationWindow: 1 day # c\n  redemptionsAllowed: 1\n', 'spec:\n  expirationWindow: 24h # c\n  redemptionsAllowed: 1\n'],
  ['a value in double quotes', 'spec:\n  expirationWindow: "1 day"\n', 'spec:\n  expirationWindow: "24h"\n'],
  ['a value in single quotes', 'spec:\n  expirationWindow: \'1 day\'\n', 'spec:\n  expirationWindow: \'24h\'\n'],
  ['in flow style', 'spec: {expirationWindow: 1 day, redemptionsAllowed: 1}\n', 'spec: {expirationWindow: 24h, redemptionsAllowed: 1}\n'],
  ['an anchor stays', 'spec:\n  expirationWindow: &x 1 day\n', 'spec:\n  expirationWindow: &x 24h\n'],
  ['the last of two keys', 'spec:\n  expirationWindow: 1 day\n  expirationWindow: 1 day\n', 'spec:\n  expirationWindow: 1 day\n  expirationWindow: 24h\n'],
  ['an alias', 'base: &b 1 day\nspec:\n  expirationWindow: *b\n', 'base: &b 1 day\nspec:\n  expirationWindow: 24h\n'],
  ['through an alias: nothing', 'base: &b {expirationWindow: 1 day}\nspec: *b\n', 'base: &b {expirationWindow: 1 day}\nspec: *b\n'],
  ['behind a merge key', 'base: &b {expirationWindow: 1 day}\nspec:\n  <<: *b\n', 'base: &b {expirationWindow: 1 day}\nspec:\n  <<: *b\n  expirationWindow: 24h\n'],
  ['absent with its parent', '', 'spec:\n  expirationWindow: 15m\n  redemptionsAllowed: 1\n'],
  ['nothing behind the colon', 'spec:\n', 'spec:\n  expirationWindow: 15m\n  redemptionsAllowed: 1\n'],
  ['nothing but a comment', 'spec: # c\n', 'spec: # c\n  expirationWindow: 15m\n  redemptionsAllowed: 1\n'],
  ['in an empty mapping', 'spec: {}\n', 'spec: {expirationWindow: 15m, redemptionsAllowed: 1}\n'],
  ['in null', 'spec: ~\nx: 1\n', 'spec: {expirationWindow: 15m, redemptionsAllowed: 1}\nx: 1\n'],
  ['without a line end', 'spec:\n  redemptionsAllowed: 1', 'spec:\n  redemptionsAllowed: 1\n  expirationWindow: 15m'],
  ['absent in flow style', 'spec: {redemptionsAllowed: 1}\n', 'spec: {redemptionsAllowed: 1, expirationWindow: 15m}\n'],
  ['null for a value', 'spec: {expirationWindow: null}\n', 'spec: {expirationWindow: 15m, redemptionsAllowed: 1}\n'],
  ['a comment for a value', 'spec:\n  expirationWindow: # c\n', 'spec:\n  expirationWindow: 15m # c\n  redemptionsAllowed: 1\n'],
])('a value is written and the rest stays: %s', (_name, spec, expected) => {
  const head = 'apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n';
  const { findings, objects } = reviewText(head + spec, { now });
  const edits = [...findings.flatMap(({ fix }) => fix ?? []), ...objects.flatMap(({ stored }) => stored)];
  expect(applied(head + spec, edits)).toBe(head + expected);
});

function reviewed({ old, settings = '', user }: Example, object: string): TextAnswer {
  return reviewText(object, { old, settings, user, now });
}
