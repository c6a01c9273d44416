import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openSite, type Site, type Visit } from './harness.ts';
import { findings, grant, judged, sentence, stored, textOf, underlined, write } from './page.ts';

let site: Site;
let visit: Visit;
let page: Visit['page'];

beforeAll(async () => { site = await openSite(); });
afterAll(() => site?.close());
beforeEach(async () => {
  visit = await site.visit('index.html');
  page = visit.page;
  await page.locator('#findings li').first().waitFor();
});
afterEach(async () => {
  expect(visit.troubles()).toEqual([]);
  await visit.end();
});

test('the page opens with a mistake that one click corrects', async () => {
  expect(await sentence(page)).toContain('Refused');
  expect(await underlined(page)).toContain('1 day');
  await judged(page, () => page.getByRole('button', { name: 'Write 24h' }).click());
  expect(await textOf(page)).toContain('expirationWindow: 24h');
  expect(await sentence(page)).toContain('Accepted');
});

test('a bad window is refused at its place, explained one click away, and what is right is stored with defaults', async () => {
  await write(page, grant('expirationWindow: 1 month'));
  expect(await sentence(page)).toBe('Refused: 1 error');
  expect(await underlined(page)).toEqual(['1 month']);
  expect(await findings(page)).toEqual([
    'deny line 6 spec.expirationWindow: Invalid value: "1 month": must be a Go duration such as \'15m\', \'1h30m\' or \'48h\': months and years have no fixed length',
  ]);
  await page.getByText('1 month', { exact: true }).hover();
  await page.getByText('months and years have no fixed length').first().waitFor();
  await write(page, grant('expirationWindow: 720h'));
  expect(await sentence(page)).toBe('Accepted, with defaults filled in');
  expect(await underlined(page)).toEqual([]);
  expect(await stored(page)).toEqual(['+   redemptionsAllowed: 1']);
  await write(page, grant('expirationWindow: 1 month'));
  await page.getByRole('link', { name: 'Why: grant-window-format' }).click();
  expect(await page.locator('h1').innerText()).toBe('grant-window-format');
});

test('settings are judged too, and change what is found', async () => {
  await write(page, grant('expirationWindow: 24h', 'redemptionsAllowed: 1'));
  await page.getByRole('tab', { name: 'Settings' }).click();
  await write(page, 'accessGrant:\n  maxExpirationWindow: 1h\n', 'settings');
  expect(await sentence(page)).toBe('Refused: 1 error');
  expect(await underlined(page)).toEqual(['24h']);
  await write(page, 'accessGrant:\n  maxExpirationWindow: 1 month\n', 'settings');
  expect(await underlined(page, 'settings')).toEqual(['1 month']);
  expect(await sentence(page)).toContain('settings are not valid');
  const policy = 'apiVersion: policies.kubewarden.io/v1\nkind: ClusterAdmissionPolicy\nspec:\n  settings:\n    rules:\n      grant-window-range: allow\n';
  await write(page, policy, 'settings');
  expect(await sentence(page)).toBe('Accepted');
});

test('an update is compared with the old object', async () => {
  await write(page, `${grant('expirationWindow: 30m', 'redemptionsAllowed: 1')}`);
  expect(await sentence(page)).toBe('Accepted');
  await page.getByLabel('UPDATE').check();
  await write(page, `${grant('expirationWindow: 15m', 'redemptionsAllowed: 1')}status:\n  expirationTime: "2026-11-22T00:10:00Z"\n`, 'old');
  expect(await sentence(page)).toBe('Refused: 1 error and 1 warning');
  await page.getByRole('link', { name: 'Why: grant-window-frozen' }).waitFor();
});

test('an example says what its answer depends on', async () => {
  await judged(page, () => page.getByLabel('Examples of').selectOption('audience-allowed'));
  await page.getByText('With the settings, as of 2026-11-22T00:00:00Z.').waitFor();
  await judged(page, () => page.getByLabel('Case').selectOption({ label: 'accepted: a kubelet asks for any audience that a pod wants' }));
  await page.getByText('With the settings, for system:node:worker-1, as of').waitFor();
});

test('every document of a manifest is judged, and a finding leads to its line', async () => {
  const good = grant('expirationWindow: 15m', 'redemptionsAllowed: 1');
  await write(page, `${good}---\n${grant('redemptionsAllowed: 0')}`);
  expect(await sentence(page)).toBe('1 of 2 refused: 1 error');
  expect(await underlined(page)).toEqual(['0']);
  await page.locator('#findings .jump').click();
  expect(await page.locator('#manifest .cm-activeLine').textContent()).toBe('  redemptionsAllowed: 0');
});

describe('YAML is read as kubectl reads it', () => {
  test.each([
    ['off is no text', 'expirationWindow: off', 'off'],
    ['an octal number is none of 10', 'redemptionsAllowed: -017', '-017'],
    ['a key in quotes', '"expirationWindow": "1 month"', '"1 month"'],
  ])('%s', async (_name, line, marked) => {
    await write(page, grant(line));
    expect(await sentence(page)).toBe('Refused: 1 error');
    expect(await underlined(page)).toEqual([marked]);
  });

  test('what cannot be read is said where it ends', async () => {
    await write(page, 'spec: [');
    expect(await sentence(page)).toBe('Cannot be read');
    expect((await findings(page))[0]).toContain('line 1');
  });
});

test('what is written is text, whatever it looks like', async () => {
  await write(page, grant('expirationWindow: "<img src=x>"').replace('west', '"<img src=y>"'));
  expect(await page.locator('#objects').innerText()).toContain('<img src=x>');
  expect(await page.locator('main img').count()).toBe(0);
});

test('what is written is still there after a look at the rule, and after a reload', async () => {
  await write(page, grant('expirationWindow: 1 month'));
  await page.getByRole('tab', { name: 'Settings' }).click();
  await write(page, 'accessGrant:\n  rewriteWindows: true\n', 'settings');
  await page.getByRole('link', { name: 'Why: grant-window-format' }).click();
  await page.locator('h1').getByText('grant-window-format').waitFor();
  await page.goBack();
  await page.getByText('months and years').first().waitFor();
  expect(await textOf(page)).toBe(grant('expirationWindow: 1 month'));
  await page.reload();
  await page.getByText('months and years').first().waitFor();
  await page.getByRole('tab', { name: 'Settings' }).click();
  expect(await textOf(page, 'settings')).toContain('rewriteWindows: true');
});

test('nothing leaves the page once it is there', async () => {
  // The browser looks for the icon when it likes.
  const requests = () => visit.requests().filter((address) => !address.endsWith('/favicon.svg'));
  const before = requests().length;
  await write(page, grant('expirationWindow: 1 day'));
  await page.getByRole('tab', { name: 'Settings' }).click();
  await write(page, 'defaulting: false\n', 'settings');
  await page.getByLabel('Examples of').selectOption('token-ca-format');
  await page.getByRole('button', { name: 'Share' }).click();
  await page.getByLabel('Link').waitFor();
  expect(requests().slice(before)).toEqual([]);
});
