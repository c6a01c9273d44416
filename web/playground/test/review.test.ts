import { expect, test } from 'vitest';
import { sentence } from '../src/page/sentence.ts';
import { review, type Input, type Outcome } from '../src/review.ts';

const HEAD = 'apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n';
const GOOD = `${HEAD}spec: {expirationWindow: 24h, redemptionsAllowed: 1}\n`;
const BAD = `${HEAD}spec: {expirationWindow: 1 month, redemptionsAllowed: 1}\n`;
const POLICY = 'apiVersion: policies.kubewarden.io/v1\nkind: ClusterAdmissionPolicy\n';
const OTHER = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n';

test.each<[name: string, input: Partial<Input>, sentence: string]>([
  ['nothing', { manifest: '' }, 'Nothing is written yet'],
  ['only a comment', { manifest: '# a\n---\n' }, 'Nothing is written yet'],
  ['good', { manifest: GOOD }, 'Accepted'],
  ['with defaults', { manifest: HEAD }, 'Accepted, with defaults filled in'],
  ['bad', { manifest: BAD }, 'Refused: 1 error'],
  ['of several', { manifest: `${GOOD}---\n${BAD}---\n${OTHER}` }, '1 of 3 refused: 1 error'],
  ['several good', { manifest: `${GOOD}---\n${HEAD}` }, 'All 2 accepted, with defaults filled in'],
  ['another kind', { manifest: OTHER }, 'Not covered by this policy'],
  ['unreadable', { manifest: 'a: "b' }, 'Cannot be read'],
  ['unreadable beside others', { manifest: `a: "b\n---\n${BAD}---\n${GOOD}` }, '1 of 3 refused: 1 error; 1 of 3 cannot be read'],
  ['no kind', { manifest: 'spec: {}\n' }, 'Not covered by this policy'],
  ['a misspelled kind', { manifest: HEAD.replace('AccessGrant', 'AccessGrnt') }, 'Not covered by this policy, with 1 warning'],
  ['a key twice', { manifest: GOOD.replace('{name: west}', '{name: west, name: east}') }, 'Accepted, with 1 warning'],
  ['a label that is a number', { manifest: GOOD.replace('{name: west}', '{name: west, labels: {a: 1}}') }, 'Refused: 1 error'],
  ['a template', { manifest: `${HEAD}spec: {{ toYaml .Values.spec }}\n` }, 'Not judged'],
  ['a template beside others', { manifest: `${GOOD}---\n${HEAD}spec: {{ toYaml .Values.spec }}\n` }, '1 of 2 not judged'],
  ['values that are filled in later', { manifest: GOOD.replace('24h', '"${WINDOW}"') }, 'Accepted, with 1 note'],
  ['a list', { manifest: `apiVersion: v1\nkind: List\nitems:\n- ${BAD.trim().replaceAll('\n', '\n  ')}\n` }, 'Refused: 1 error'],
  ['by settings', { manifest: GOOD, settings: 'accessGrant: {maxExpirationWindow: 1h}\n' }, 'Refused: 1 error'],
  [
    'by the settings of a policy',
    { manifest: GOOD, settings: `${OTHER}---\n${POLICY}spec:\n  settings: {accessGrant: {maxExpirationWindow: 1h}}\n` },
    'Refused: 1 error',
  ],
  ['a policy without settings', { manifest: GOOD, settings: `${POLICY}spec: {}\n` }, 'Accepted'],
  ['settings that are not valid', { manifest: GOOD, settings: 'rule: 1\n' }, 'Nothing is judged: the settings are not valid'],
  ['settings that cannot be read', { manifest: GOOD, settings: 'a: "\n' }, 'Nothing is judged: the settings are not valid'],
  ['an update of what has expired', {
    manifest: HEAD.replace('metadata', 'spec: {redemptionsAllowed: 2}\nmetadata'),
    old: `${HEAD}status: {expirationTime: "2026-01-01T00:00:00Z"}\n`,
  }, 'Accepted, with 1 warning'],
  ['a field that does not exist', { manifest: `${HEAD}spec: {linkCost: 2}\n` }, 'Accepted, with defaults filled in and 1 warning'],
])('the sentence says what became of it: %s', (_name, input, expected) => {
  expect(sentence(reviewed(input))).toBe(expected);
});

test('an update is compared with the old object of its kind and name', () => {
  const frozen = 'status: {expirationTime: "2027-01-01T00:00:00Z"}\n';
  const old = `${GOOD.replace('west', 'east')}${frozen}---\n${GOOD.replace('24h', '1h')}${frozen}`;
  const { objects, marks } = reviewed({ manifest: `${GOOD}---\n${GOOD.replace('west', 'north')}`, old });
  expect(objects.map(({ operation, isUnmatched, result }) => [operation, isUnmatched, result])).toEqual([
    ['UPDATE', false, 'refused'],
    ['CREATE', true, 'unchanged'],
  ]);
  expect(marks.map(({ code }) => code)).toEqual(['grant-window-frozen']);
});

test('what stands in settings is marked where it stands', () => {
  const settings = `${POLICY}spec:\n  settings:\n    accessToken: {maxLinkCost: 0}\n`;
  const [mark] = reviewed({ manifest: GOOD, settings }).settingsMarks;
  expect(mark && settings.slice(mark.from, mark.to)).toBe('0');
});

test('of a value over several lines the key is marked', () => {
  const manifest = `${HEAD}spec:\n  issuer: |\n    a b\n    c\n`;
  const marks = reviewed({ manifest }).marks.map(({ from, to }) => manifest.slice(from, to));
  expect(marks).toContain('issuer');
});

test('who asks is told to the policy', () => {
  const manifest = 'apiVersion: authentication.k8s.io/v1\nkind: TokenRequest\nmetadata: {name: a}\nspec: {audiences: [""]}\n';
  const nodes = { username: 'system:node:a', groups: ['system:nodes'] };
  expect(sentence(reviewed({ manifest }))).toContain('Refused');
  expect(sentence(reviewed({ manifest, user: nodes }))).toBe('Accepted');
});

test('no secret is in an outcome', () => {
  const manifest = [
    HEAD.replace('{name: west}', '{name: west, annotations: {kubectl.kubernetes.io/last-applied-configuration: CANARY}}'),
    'spec:\n  code: "CANARY " # CANARY\n  ca: CANARY\n  url: https://CANARY@h.example/?CANARY\nstatus: {code: CANARY}\n',
    '---\n', HEAD, 'spec:\n  code: CANARY-CANARY-CANARY # CANARY\n  token: CANARY\n',
    '---\n', HEAD.replace('AccessGrant', 'AccessToken'), 'spec:\n  url: "https://CANARY:x@h.example/a?CANARY"\n  code: CANARY CANARY CANARY\n  ca: CANARY\n',
  ].join('');
  const { objects, marks, ...rest } = reviewed({ manifest });
  expect(objects.map(({ result }) => result)).toEqual(['refused', 'changed', 'refused']);
  // A fix is written into the user's own editor, and nowhere else.
  const shown = marks.map(({ fix: _fix, ...mark }) => mark);
  expect(JSON.stringify([objects, shown, rest])).not.toContain('CANARY');
});

function reviewed(input: Partial<Input>): Outcome {
  return review({
    manifest: '', old: undefined, settings: '', user: { username: '', groups: [] }, now: '2026-11-22T00:00:00Z', ...input,
  });
}

test('offsets are those of JavaScript, whatever stands before', () => {
  const manifest = `\ufeff# 😀 ä\n${BAD.replace('west', '"😀"')}`;
  const marks = reviewed({ manifest }).marks.map(({ from, to }) => manifest.slice(from, to));
  expect(marks).toEqual(['"😀"', '1 month']);
});

test('notes tell what is not judged, and why', () => {
  const manifest = `${HEAD}spec: {code: "\${CODE}"}\n---\n${HEAD}sops: {mac: x}\n`;
  const { marks, totals } = reviewed({ manifest });
  expect(marks.map(({ severity, from, to }) => [severity, manifest.slice(from, to)])).toEqual([
    ['note', '"${CODE}"'],
    ['note', 'apiVersion: skupper.io/v2alpha1'],
  ]);
  expect(marks.map(({ text }) => text.split(' ').slice(0, 4).join(' '))).toEqual(['spec.code is filled in', 'what SOPS has encrypted']);
  expect(totals).toMatchObject({ objects: 1, notJudged: 1, notes: 2 });
});

test('what Kubernetes refuses is not the policy\'s refusal', () => {
  const invalid = GOOD.replace('{name: west}', '{name: west, labels: {a: 1}}');
  const { objects } = reviewed({ manifest: `${invalid}---\n${BAD}---\nkind: AccessGrant\n` });
  expect(objects.map(({ result, isInvalid }) => [result, isInvalid])).toEqual([['refused', true], ['refused', false], ['refused', true]]);
});
