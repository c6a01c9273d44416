// Mistakes of a program are an `Error` that says what to do, and never a wasm trap.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSettings, json, redact, review, reviewObject } from 'skupper-access-policy';
import { redactText, reviewText } from 'skupper-access-policy/text';

const grant = {
  apiVersion: 'skupper.io/v2alpha1',
  kind: 'AccessGrant',
  metadata: { name: 'west' },
  spec: { expirationWindow: '15m', redemptionsAllowed: 1 } as Record<string, unknown>,
};

test('what is no JSON is named', () => {
  const cycle: Record<string, unknown> = { ...grant };
  cycle['spec'] = cycle;
  let deep: unknown = [];
  for (let depth = 0; depth < 100_000; depth += 1) {
    deep = [deep];
  }
  const withWindow = (expirationWindow: unknown) => ({ object: { ...grant, spec: { expirationWindow } } });
  const rows: [string, () => unknown, string][] = [
    ['a cycle', () => reviewObject({ object: cycle }), 'it has a cycle, or is too deep or too long'],
    ['too deep', () => redact({ deep }), 'it has a cycle, or is too deep or too long'],
    ['a BigInt', () => reviewObject(withWindow(1n)), "'expirationWindow' is a BigInt: give a number, or JSON text to the functions of 'json'"],
    ['a function', () => reviewObject(withWindow(() => '1h')), "'expirationWindow' is a function: give strings,"],
    ['a symbol', () => reviewObject(withWindow(Symbol('1h'))), "'expirationWindow' is a symbol: give strings,"],
    ['no number', () => reviewObject(withWindow(Number.NaN)), "'expirationWindow' is NaN: give a finite number"],
    ['an infinite number', () => checkSettings({ a: -Infinity }), "settings cannot be written as JSON: 'a' is -Infinity"],
    ['a function for an object', () => review(() => ({})), 'the request cannot be written as JSON: it is a function'],
    ['undefined', () => review(undefined as never), 'the request must be given, as an object'],
    ['undefined as object', () => reviewObject({ object: undefined as never }), 'the object must be given: reviewObject({ object }, settings)'],
    ['nothing', () => reviewObject(undefined as never), 'the object must be given: reviewObject({ object }, settings)'],
    ['undefined to redact', () => redact(undefined as never), 'the object must be given, as an object'],
  ];
  for (const [name, ask, expected] of rows) {
    assert.ok(problem(ask).includes(expected), `${name}: ${problem(ask)}`);
  }
});

test('the time is a Date or RFC 3339, and without one the current time', () => {
  const at = (now: unknown) => () => reviewObject({ object: grant }, {}, now as Date);
  const said = /^now must be a (valid Date, or a )?time in RFC 3339, such as '2026-05-01T12:00:00Z'$/;
  for (const now of [new Date('x'), 'x', '', '2026-05-01', new Date(8.64e15), 1_795_305_600_000, null, {}]) {
    assert.match(problem(at(now)), said, String(now));
    assert.match(problem(() => reviewText('', { now: now as Date })), said, String(now));
  }
  for (const now of ['2026-05-01T12:00:00Z', '2026-05-01T14:00:00.5+02:00', new Date(0), undefined]) {
    assert.equal(problem(at(now)), '', String(now));
  }
  const update = (hours: number) => {
    const expirationTime = new Date(Date.now() + hours * 3_600_000).toISOString();
    const old = { ...grant, status: { expirationTime } };
    return reviewObject({ object: { ...grant, spec: { ...grant.spec, redemptionsAllowed: 2 } }, oldObject: old });
  };
  const isExpired = (hours: number) => update(hours).findings.some(({ code }) => code === 'grant-expired');
  assert.deepEqual([isExpired(-1), isExpired(1)], [true, false]);
});

test('text must be a string, and at most 16 MiB of it', () => {
  const long = ' '.repeat(16 * 1024 * 1024 + 1);
  const expected = 'the input is 16777217 characters long: give at most 16777216; Kubernetes takes 3 MiB';
  assert.equal(problem(() => json.redact(long)), expected);
  assert.equal(problem(() => json.checkSettings(long)), expected);
  assert.match(problem(() => reviewText(long)), /^the input is \d+ characters long/);
  assert.match(problem(() => reviewText('', { settings: long })), /^the input is \d+ characters long/);
  assert.equal(problem(() => redactText(long)), expected);
  assert.match(problem(() => json.review(long, '{}')), /^the input is \d+ characters long/);
  assert.equal(problem(() => redact({ text: long })).slice(0, 12), 'the input is');
  assert.equal(problem(() => json.review({} as string)), 'the request must be a string, not object');
  assert.equal(problem(() => json.reviewObject('{}', 5 as never)), 'settings must be a string, not number');
  assert.equal(problem(() => reviewText(null as never)), 'the text must be a string, not object');
  assert.equal(problem(() => redactText(5 as never)), 'the text must be a string, not number');
  assert.equal(problem(() => reviewText('', { settings: {} as never })), 'settings must be a string, not object');
  assert.equal(problem(() => reviewText('', { old: 1 as never })), 'the old text must be a string, not number');
  assert.match(problem(() => reviewText('', { user: { uid: 1n as never } })), /^the user cannot be written as JSON: 'uid' is a BigInt/);
  assert.equal(problem(() => json.redact('{')), 'the object must be JSON text');
});

test('half a surrogate pair is refused as the API server refuses it, in values and in text', () => {
  const object = { ...grant, metadata: { name: 'west\ud800' } };
  const inValue = reviewObject({ object });
  assert.deepEqual([inValue.code, inValue.message], [400, 'the payload is not readable JSON']);
  const raw = '{"object": {"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant", "metadata": {"name": "\udc00"}}}';
  assert.equal(json.reviewObject(raw), JSON.stringify(inValue, Object.keys(inValue).sort()));
  assert.equal(checkSettings({ rules: { '\ud800': 'deny' } }).valid, false);
  assert.equal(problem(() => redact({ text: '\ud83d' })), 'the object must be JSON text');
  assert.deepEqual(redact({ text: '\ud83d\ude00' }), { text: '\ud83d\ude00' });
});

// The texts are made beforehand: JSON.stringify takes more of the stack than the module.
const FLAT = JSON.stringify({ object: grant });
const NESTED = JSON.stringify({ object: { ...grant, x: JSON.parse('['.repeat(100) + ']'.repeat(100)) } });
const NOW = '2026-05-01T12:00:00Z';

for (const [name, ask] of [
  ['values', (change: string) => json.reviewObject(change, '{}', NOW)],
  ['texts', (text: string) => redactText(text).text],
] as const) {
  test(`an exhausted stack is an error, and the next call is answered, however often: ${name}`, () => {
    const expected = [ask(FLAT), ask(NESTED)];
    let interruptions = 0;
    for (let attempt = 0; attempt < 150; attempt += 1) {
      padded(attempt % 50, () => {
        interruptions += atTheEndOfTheStack(() => problem(() => ask(NESTED))) === INTERRUPTED ? 1 : 0;
      });
      assert.deepEqual([ask(FLAT), ask(NESTED)], expected);
    }
    assert.ok(interruptions > 50, `only ${interruptions} interruptions`);
  });
}

/**
 * Runs `ask` where there is too little of the stack for it to finish, and just enough for it to say
 * so.
 */
function atTheEndOfTheStack(ask: () => string): string {
  try {
    return atTheEndOfTheStack(ask) || ask();
  } catch {
    return '';
  }
}

const INTERRUPTED =
  'the policy could not finish: memory or stack ran out, or it has a bug; the next call starts afresh: report it if a small input fails, too';

/** Runs with some more of the stack in use, so that it ends at another place. */
function padded(depth: number, run: () => void): void {
  depth === 0 ? run() : padded(depth - 1, run);
}

/** The message of a call that throws; it must throw an `Error` and no subclass. */
function problem(ask: () => unknown): string {
  try {
    ask();
    return '';
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.equal(Object.getPrototypeOf(error), Error.prototype, error.name);
    return error.message;
  }
}
