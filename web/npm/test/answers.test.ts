// Results of the functions beside the library's answers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { json, redact, review, reviewObject, rules, version, type Answer } from 'skupper-access-policy';

test('the current time and no settings are what is meant by leaving them out', () => {
  const grant = { apiVersion: 'skupper.io/v2alpha1', kind: 'AccessGrant', metadata: { name: 'west' } };
  const stored = { ...grant, spec: { expirationWindow: '15m', redemptionsAllowed: 1 } };
  for (const settings of [undefined, null, {}]) {
    assert.deepEqual(reviewObject({ object: grant }, settings).mutatedObject, stored);
  }
  const inText = JSON.parse(json.reviewObject(JSON.stringify({ object: grant }))) as Answer;
  assert.deepEqual(inText.mutatedObject, stored);
  const request = {
    operation: 'CREATE',
    kind: { group: 'skupper.io', version: 'v2alpha1', kind: 'AccessGrant' },
    object: grant,
  };
  assert.deepEqual(review(request).mutatedObject, stored);
  const refused = reviewObject({ object: grant }, { maxRedemptions: 1 });
  assert.deepEqual([refused.allowed, refused.code], [false, 500]);
});

test('numbers survive in text, and in values up to 2^53', () => {
  const change = '{"object": {"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant", "metadata": {"name": "a", "generation": 9007199254740993}}}';
  assert.match(json.reviewObject(change), /"generation":9007199254740993\b/);
  const object = JSON.parse(change) as { object: object };
  assert.match(JSON.stringify(reviewObject(object)), /"generation":9007199254740992\b/);
});

test('every rule is listed with its page', () => {
  const list = rules();
  assert.ok(list.length > 40);
  for (const { code, page } of list) {
    assert.equal(page, `${code}.html`);
    assert.ok(readFileSync(new URL(`../../../rules/${code}.md`, import.meta.url)));
  }
  assert.deepEqual(list, JSON.parse(json.rules()));
});

test('secrets are redacted wherever the policy knows them', () => {
  const object = { spec: { code: 'canary', linkCost: 2 }, status: { ca: 'canary' } };
  assert.deepEqual(redact(object), { spec: { code: '***', linkCost: 2 }, status: { ca: '***' } });
  assert.equal(json.redact('{"spec": {"linkCost": 9007199254740993}}'), '{"spec":{"linkCost":9007199254740993}}');
});

test('the version is that of the policy', () => {
  const manifest = readFileSync(new URL('../../../Cargo.toml', import.meta.url), 'utf8');
  assert.equal(version, /\[workspace\.package\]\nversion = "(.*)"/.exec(manifest)?.[1]);
});
