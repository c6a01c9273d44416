// The types are what really comes back: the compiler reads real answers, each with the exact keys of
// its type, and every optional key and every named word is in some answer.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { json } from 'skupper-access-policy';
import { redactText, reviewText, type TextOptions } from 'skupper-access-policy/text';

import { readCases } from './support/cases.js';
import { temporaryFolder } from './support/folder.js';
import { problemsOf } from './support/tsc.js';

type Fields = Record<string, unknown>;

const cases = readCases();
const inCases = (isWanted: (door: string) => boolean) =>
  cases.filter(({ door }) => isWanted(door)).map(({ answer }) => JSON.parse(answer) as Fields);
const answers = inCases((door) => door !== 'checkSettings');
const settings = inCases((door) => door === 'checkSettings');
const rules = JSON.parse(json.rules()) as Fields[];
const parts = (fields: Fields[], key: string) =>
  fields.flatMap((each) => each[key] ?? []) as Fields[];
const findings = parts(answers, 'findings');
const texts = textAnswers();
const textFindings = parts(texts, 'findings');
const textObjects = parts(texts, 'objects');

test('real answers have exactly the keys of their types, and leave out what may be left out', async () => {
  const folder = temporaryFolder();
  const lines = [
    `import type { Answer, FieldError, Finding, Fix, Rule, SettingsAnswer } from ${JSON.stringify(PACKAGE)};`,
    `import type { RedactedText, TextAnswer, TextFinding, TextObject } from ${JSON.stringify(TEXT_ENTRY)};`,
    ...declared('TextAnswer', distinct(texts)),
    ...declared('RedactedText', [{ ...redactText('a: 1') }]),
    ...optional('TextFinding', textFindings),
    ...optional('TextObject', textObjects),
    ...optional("TextAnswer['settings']", parts(texts, 'settings')),
    ...words("TextFinding['severity']", textFindings, 'severity'),
    ...words("TextObject['result']", textObjects, 'result'),
    ...words("TextObject['operation']", textObjects, 'operation'),
    ...declared('Answer', distinct(answers)),
    ...declared('SettingsAnswer', distinct(settings)),
    ...declared('Rule', rules),
    'type Optional<T> = { [K in keyof T]-?: {} extends Pick<T, K> ? K : never }[keyof T];',
    ...optional('Answer', answers),
    ...optional('Finding', findings),
    ...optional('Fix', parts(findings, 'fix')),
    ...optional('SettingsAnswer', settings),
    ...optional('FieldError', parts(settings, 'findings')),
    ...optional('Rule', rules),
    ...words("Finding['severity']", findings, 'severity'),
    ...words("Finding['target']", findings, 'target'),
    ...words("Rule['severity']", rules, 'severity'),
  ];
  writeFileSync(join(folder, 'answers.ts'), lines.join('\n'));
  const compilerOptions = {
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    types: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['answers.ts'] }));
  assert.equal(await problemsOf(folder), '');
  assert.ok(lines.length > 500, `only ${lines.length} lines`);
});

test('a key that the types do not have, or a word, is found', async () => {
  const answer = { ...answers[0], surprise: 1 };
  const wrong = [
    ...declared('Answer', [answer]),
    ...declared('TextAnswer', [{ ...texts[0], surprise: 1 }]),
    ...declared('Rule', [{ ...rules[0], severity: 'off' }]),
    ...declared('SettingsAnswer', [{ valid: true }]),
  ];
  for (const line of wrong) {
    const folder = temporaryFolder();
    const types = [
      `import type { Answer, Rule, SettingsAnswer } from ${JSON.stringify(PACKAGE)};`,
      `import type { TextAnswer } from ${JSON.stringify(TEXT_ENTRY)};`,
    ].join('\n');
    writeFileSync(join(folder, 'wrong.ts'), `${types}\n${line}`);
    const compilerOptions = { module: 'nodenext', strict: true, types: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['wrong.ts'] }));
    assert.match(await problemsOf(folder), /error TS2\d+: /, line);
  }
});

/** The file of the types, without its ending, as an import names it from anywhere. */
const PACKAGE = new URL('../dist/browser.js', import.meta.url).pathname;

const TEXT_ENTRY = new URL('../dist/text-browser.js', import.meta.url).pathname;

/** Answers about texts: the objects of the cases, which are JSON, and whatever only a text can be. */
function textAnswers(): Fields[] {
  const objects = inChanges().map((object): [string, TextOptions] => [JSON.stringify(object), {}]);
  const grant = 'apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n';
  const others: [string, TextOptions][] = [
    [grant, { old: grant }],
    [grant, { old: `${grant.replace('west', 'east')}---\na: "` }],
    [grant, { settings: 'rule: 1' }],
    ['a: "', {}],
    [`${grant}spec: {code: "\${CODE}"}`, {}],
    ['apiVersion: v1\nkind: Secret\n', {}],
  ];
  return [...objects, ...others].map(([text, options]) => ({ ...reviewText(text, options) }));
}

function inChanges(): unknown[] {
  const changes = cases.filter(({ door }) => door === 'reviewObject').slice(0, 300);
  return changes.flatMap(({ input }) => {
    try {
      return [(JSON.parse(input) as Fields)['object']];
    } catch {
      return [];
    }
  });
}

/** One constant for each value: the compiler looks for surplus keys in literals only. */
function declared(type: string, values: Fields[]): string[] {
  const name = type.replace(/\W/g, '').toLowerCase();
  return values.map((value, number) => `export const ${name}${number}: ${type} = ${JSON.stringify(value)};`);
}

/** Says which keys are in some values and not in others: these and no others must be optional. */
function optional(type: string, values: Fields[]): string[] {
  const keys = new Set(values.flatMap((value) => Object.keys(value)));
  const left = [...keys].filter((key) => values.some((value) => !(key in value)));
  return [`({ ${left.map((key) => `${key}: true`).join(', ')} }) satisfies Record<Optional<${type}>, true>;`];
}

/** Says which words there are: these and no others must be in the type. */
function words(type: string, values: Fields[], key: string): string[] {
  const seen = new Set(values.map((value) => value[key] as string));
  return [`({ ${[...seen].map((word) => `${JSON.stringify(word)}: true`).join(', ')} }) satisfies Record<${type}, true>;`];
}

function distinct(values: Fields[]): Fields[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
