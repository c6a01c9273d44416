import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSite, type Site, type Visit } from './harness.ts';
import { grant, sentence, textOf, underlined, write } from './page.ts';

let site: Site;

beforeAll(async () => { site = await openSite(); });
afterAll(() => site?.close());

const APPLIED = '{"spec":{"code":"canary-applied"}}';

const MANIFEST = `apiVersion: skupper.io/v2alpha1
kind: AccessGrant
metadata:
  name: west
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '${APPLIED}'
spec:
  expirationWindow: 1 month # canary-comment
  code: canary-in-the-spec
status:
  code: canary-status
  ca: canary-ca
---
apiVersion: skupper.io/v2alpha1
kind: AccessToken
metadata:
  name: token
spec:
  url: https://user:canary-user@grants.east.example:9090/0d8e5a4c?canary-query
  code: &code canary-anchor-of-a-code
  ca: |
    canary-block
---
apiVersion: v1
kind: Secret
metadata:
  name: other
data:
  password: canary-of-another-kind
`;

test('a link brings everything back, and no secret', async () => {
  const visit = await site.visit('index.html');
  await visit.page.locator('#findings li').first().waitFor();
  await write(visit.page, MANIFEST);
  await visit.page.getByLabel('UPDATE').check();
  await write(visit.page, grant('expirationWindow: 15m', 'code: canary-of-the-old-object'), 'old');
  await visit.page.getByRole('tab', { name: 'Settings' }).click();
  await write(visit.page, 'accessGrant:\n  minCodeLength: 3\n', 'settings');
  const link = await share(visit);
  expect(linked(link)).not.toContain('canary');
  expect(await visit.page.locator('#shared').innerText()).toContain('1 document');
  const outcome = await sentence(visit.page);
  expect(visit.troubles()).toEqual([]);
  await visit.end();

  const other = await site.visit(link);
  // The texts are there before the first outcome is.
  await other.page.locator('#sentence').getByText('2 of 2 refused').waitFor();
  const text = await textOf(other.page);
  expect(text).toContain('expirationWindow: 1 month');
  expect(text).toContain("***");
  expect(text).not.toContain('canary');
  expect(await other.page.getByLabel('UPDATE').isChecked()).toBe(true);
  expect(await underlined(other.page)).toContain('1 month');
  expect(outcome.split(':')[0]).toContain('2 of 3 refused');
  await other.page.getByRole('tab', { name: 'Settings' }).click();
  expect(await textOf(other.page, 'settings')).toContain('minCodeLength: 3');
  expect(other.troubles()).toEqual([]);
  await other.end();
});

test.each([
  ['of no data', '#share=', 'broken'],
  ['of other data', '#share=AAAA', 'broken'],
  ['of other signs', '#share=%00<script>', 'broken'],
  ['of another shape', `#share=${deflated('[1]')}`, 'broken'],
  ['that inflates to gigabytes', `#share=${deflated(JSON.stringify({ manifest: ' '.repeat(8 << 20) }))}`, '2 MiB'],
])('a link %s is refused, and the page works', async (_name, fragment, why) => {
  const visit = await site.visit(`index.html${fragment}`);
  await visit.page.locator('#shared').getByText(why).waitFor();
  await write(visit.page, grant('expirationWindow: 1 month'));
  expect(await underlined(visit.page)).toEqual(['1 month']);
  expect(visit.troubles()).toEqual([]);
  await visit.end();
});

async function share({ page }: Visit): Promise<string> {
  await page.getByRole('button', { name: 'Share' }).click();
  return page.getByLabel('Link').inputValue();
}

/** The path of a link and the texts in it. */
function linked(link: string): string {
  const { pathname, search, hash } = new URL(link);
  return `${pathname}${search}${inflateRawSync(Buffer.from(hash.replace('#share=', ''), 'base64url')).toString()}`;
}

function deflated(text: string): string {
  return deflateRawSync(text).toString('base64url');
}
