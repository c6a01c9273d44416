import { examples } from 'virtual:examples';
import { redactText } from 'skupper-access-policy/text';
import { expect, test } from 'vitest';

const HEAD = 'apiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata:\n  name: west\n';

/** Every secret is CANARY, in whatever letters. */
test.each([
  ['plain', 'spec:\n  code: CANARY\n'],
  ['in quotes', 'spec:\n  code: "CANARY"\n  ca: \'CANARY\'\n'],
  ['a block', 'spec:\n  ca: |\n    CANARY\n    CANARY\n  linkCost: 1\n'],
  ['a folded block at the end', 'spec:\n  ca: >-\n    CANARY'],
  ['flow style', 'spec: {code: CANARY, ca: CANARY}\n'],
  ['status', 'status:\n  code: CANARY\n  ca: CANARY\n'],
  ['in other letters', 'spec:\n  Code: CANARY\n'],
  ['in the wrong place', 'code: CANARY\nmetadata2: {token: CANARY}\n'],
  ['a list under a secret', 'spec:\n  code: [CANARY, {a: CANARY}]\n'],
  ['a mapping under a secret', 'spec:\n  code:\n    a: CANARY\n'],
  ['user information of a URL', 'spec:\n  url: https://CANARY@east.example/x\n'],
  ['query of a URL', 'spec:\n  url: https://east.example/x?CANARY#CANARY\n'],
  ['a URL that cannot be read', 'spec:\n  url: CANARY\n'],
  ['a URL elsewhere', 'spec:\n  audiences: ["https://a:CANARY@vault.example"]\n'],
  ['the last applied object', `x:\n  kubectl.kubernetes.io/last-applied-configuration: |\n    {"spec":{"code":"CANARY"}}\n`],
  ['a last applied text', 'x: {kubectl.kubernetes.io/last-applied-configuration: CANARY}\n'],
  ['a comment', '# CANARY\nspec: {} # CANARY\n# CANARY\n'],
  ['a comment behind a sign', 'spec:\n  ca: | # CANARY\n    x\n'],
  ['a comment in flow style', 'spec: {a: b, # CANARY\n  c: d}\n'],
  ['the first of two keys', 'spec:\n  code: CANARY\n  code: x\n'],
  ['the first of two mappings', 'spec:\n  code: CANARY\n  a: {b: CANARY}\nspec:\n  a: 1\n'],
  ['an alias of a secret', 'spec:\n  code: &c CANARY\n  name: *c\n'],
  ['a secret by an alias', 'spec:\n  name: &c CANARY\n  code: *c\n'],
  ['a merged secret', 'base: &b {code: CANARY}\nspec:\n  <<: *b\n'],
  ['a secret merged in place', 'spec:\n  <<: {code: CANARY}\n'],
  ['a secret merged in place and replaced', 'spec:\n  <<: {code: CANARY, a: CANARY}\n  a: 1\n  code: x\n'],
  ['a merged URL', 'base: &b "https://u:CANARY@h.example"\nspec: {a: *b}\n'],
  ['binary', 'spec:\n  code: !!binary Q0FOQVJZ\n'],
  ['a tagged secret', 'spec:\n  code: !!str CANARY\n'],
  ['an explicit key', 'spec:\n  ? code\n  : CANARY\n'],
  ['escapes in the key', 'spec:\n  "c\\u006fde": CANARY\n'],
  ['behind the end of the document', 'spec: {}\n...\nCANARY\n'],
  ['another document of kubectl', 'spec: {}\n--- # CANARY\n'],
  ['Windows line ends', 'spec:\r\n  code: CANARY\r\n  ca: |\r\n    CANARY\r\n# CANARY\r\n'],
])('no secret leaves: %s', (_name, text) => {
  for (const each of [HEAD + text, `${HEAD.replaceAll('\n', '\r\n')}${text.replaceAll(/\r?\n/g, '\r\n')}`]) {
    const { text: redacted } = redactText(each);
    expect(redacted).not.toMatch(/CANARY|Q0FOQVJZ/);
  }
});

test('what cannot be read, and what no rule knows, is left out', () => {
  const { text, leftOut } = redactText(`a: "CANARY\n---\n${HEAD}spec: {}\n---\nkind: Secret\napiVersion: v1\ndata: {a: CANARY}\n`);
  expect(text).toBe(`${HEAD}spec: {}\n`);
  expect(leftOut).toBe(2);
});

test('the rest stays as it is written', () => {
  const written = `${HEAD}spec:   # why\n  code: "s3cret"\n  linkCost: 0x1F\n\n  settings: { a: 'b' ,c: "d" }\n  url: https://u:p@east.example/x\n`;
  expect(redactText(written).text).toBe(
    `${HEAD}spec:\n  code: "***"\n  linkCost: 0x1F\n\n  settings: { a: 'b' ,c: "d" }\n  url: "https://east.example/x"\n`,
  );
});

test.each(examples.map((example) => [`${example.code}/${example.index}`, example] as const))(
  'every example can be shared, and a second time nothing changes: %s',
  (_name, { code, object, old, settings }) => {
    for (const text of [object, old, settings]) {
      if (text === undefined) continue;
      const { text: redacted, leftOut } = redactText(text);
      // Nobody knows the secrets of a misspelled kind.
      expect(leftOut).toBe(code === 'unknown-kind' && !/kind: (AccessGrant|AccessToken|TokenRequest)$/m.test(text) ? 1 : 0);
      expect(redactText(redacted)).toEqual({ text: redacted, leftOut: 0 });
    }
  },
);
