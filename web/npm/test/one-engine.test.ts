// The package answers what the library answers, to the byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSettings, json, review, reviewObject } from 'skupper-access-policy';

import { readCases, type Case } from './support/cases.js';

const cases = readCases();

test('every question has the answer of the library, to the byte', () => {
  const differing: unknown[] = [];
  for (const each of cases) {
    const said = sayInText(each);
    if (said !== each.answer) {
      differing.push({ name: each.name, said, expected: each.answer });
    }
  }
  assert.deepEqual(differing.slice(0, 3), []);
  assert.ok(cases.length > 3000, `only ${cases.length} cases`);
  assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length, 'a name twice');
});

test('JavaScript values get the same answers wherever they can say what the text says', () => {
  let count = 0;
  for (const each of cases) {
    const input = sameValue(each.input);
    const settings = sameValue(each.settings);
    if (input === undefined || settings === undefined) {
      continue;
    }
    assert.deepEqual(sayInValues(each, input, settings), JSON.parse(each.answer), each.name);
    count += 1;
  }
  assert.ok(count > 3000, `only ${count} cases`);
});

function sayInText({ door, input, settings, now }: Case): string {
  return door === 'checkSettings' ? json.checkSettings(input) : json[door](input, settings, now);
}

function sayInValues({ door, now }: Case, input: object, settings: object): unknown {
  switch (door) {
    case 'checkSettings':
      return checkSettings(input);
    case 'review':
      return review(input, settings, now);
    case 'reviewObject':
      return reviewObject(input as { object: object }, settings, new Date(now));
  }
}

/** The object of a text that is written again as it was. */
function sameValue(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null;
    return isObject && JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}
