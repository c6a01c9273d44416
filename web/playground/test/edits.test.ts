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

function reviewed({ old, settings = '', user }: Example, object: string): TextAnswer {
  return reviewText(object, { old, settings, user, now });
}
