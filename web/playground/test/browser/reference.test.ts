import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rules } from 'skupper-access-policy';
import { reviewText } from 'skupper-access-policy/text';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPages, userOf } from '../../build/rule-pages.ts';
import { crawl, type ShownPage } from './crawl.ts';
import { DIST, openSite, type Site } from './harness.ts';

const { now: NOW, pages: RULES } = readPages();

let site: Site;
let pages: ShownPage[];
let troubles: readonly string[];

beforeAll(async () => {
  site = await openSite();
  const visit = await site.visit('rules/index.html', { viewport: NARROW });
  pages = await crawl(visit, site.address);
  troubles = [...visit.troubles()];
  await visit.end();
});
afterAll(() => site?.close());

describe('every page', () => {
  test('is there for every rule', () => {
    const codes = RULES.map(({ code }) => code);
    expect(rules().filter(({ code }) => !codes.includes(code))).toEqual([]);
    const expected = codes.map((code) => ({ file: `${code}.html`, title: code }));
    const found = pages.map(({ file, title }) => ({ file, title })).filter(({ file }) => file !== 'index.html');
    expect(new Set(found)).toEqual(new Set(expected));
  });

  test('has links that lead somewhere', () => {
    const ids = new Map(pages.map(({ file, ids }) => [`rules/${file}`, new Set(ids)]));
    const broken = pages.flatMap(({ file, links }) => links.filter((link) => {
      const [path = '', fragment] = link.replace(site.address, '').split('#');
      if (!link.startsWith(site.address) || !existsSync(join(DIST, path))) return true;
      return fragment !== undefined && path !== 'index.html' && !ids.get(path)?.has(fragment);
    }).map((link) => `${file}: ${link}`));
    expect(broken).toEqual([]);
    expect(pages.flatMap(({ links }) => links).length).toBeGreaterThan(2 * 584);
  });

  test('loads without a violation of its policy, an error or a request to elsewhere', () => {
    expect(troubles).toEqual([]);
  });

  test('has one h1 and headings without gaps', () => {
    for (const { file, headings } of pages) {
      expect(headings.filter((level) => level === 1).length, file).toBe(1);
      headings.forEach((level, index) => {
        expect(level - (headings[index - 1] ?? 0), `${file}: heading ${index}`).toBeLessThanOrEqual(1);
      });
    }
  });

  test('fits a window of 360 pixels', () => {
    expect(pages.filter(({ isTooWide }) => isTooWide).map(({ file }) => file)).toEqual([]);
  });

  test('lets the keyboard reach whatever scrolls there', () => {
    expect(pages.flatMap(({ file, unreachable }) => unreachable.map((block) => `${file}: ${block}`))).toEqual([]);
  });
});

describe('every example', () => {
  const cases = RULES.flatMap(({ code, kinds, cases }) =>
    cases.map((it, index) => ({ ...it, isOfChecker: kinds.length === 0, file: `${code}.html`, name: `${code}/${index}`, id: `example-${index}` })));
  const shownAs = ({ file, id }: { file: string; id: string }) =>
    pages.find((page) => page.file === file)?.examples.find((example) => example.id === id);

  test('is shown, once, with a link that opens it in the playground', () => {
    expect(pages.flatMap(({ examples }) => examples).length).toBe(cases.length);
    for (const it of cases) {
      const shown = shownAs(it);
      const outcome = { refused: 'Refused', warned: 'Warned', accepted: 'Accepted' }[it.outcome];
      expect(shown?.heading, it.name).toBe(`${outcome}: ${it.heading.replaceAll('`', '')}`);
      expect(shown?.playground, it.name).toBe(`${site.address}index.html#example=${it.name}`);
    }
  });

  test('ends as it is shown to end: message, warnings and what is stored', () => {
    for (const it of cases) {
      const shown = shownAs(it);
      const blocks = shown?.blocks ?? {};
      // Judged is what the page shows, not what it was made from.
      const { objects, findings, notes } = reviewText(blocks['Object'] ?? blocks['Update'] ?? '', {
        old: blocks['Stored so far'], settings: blocks['Settings of the policy'] ?? '', user: userOf(it), now: NOW,
      });
      // The policy judges values that the text leaves to a template.
      if (notes.length > 0) {
        expect(it.file).toBe('placeholder.html');
        continue;
      }
      expect(blocks['Message'], it.name).toBe(objects.find(({ message }) => message !== undefined)?.message);
      const ofChecks = findings.filter(({ severity }) => severity === 'warn').map(({ text }) => text);
      const warnings = it.isOfChecker ? ofChecks : objects.flatMap((object) => object.warnings);
      expect(shown?.warnings, it.name).toEqual(warnings);
      const stored = Object.entries(blocks).find(([caption]) => caption.startsWith('Stored, compared'))?.[1];
      expect(stored !== undefined, it.name).toBe(objects.some(({ result }) => result === 'changed'));
    }
  });

  test('shows what its page claims, at the marked lines', () => {
    for (const it of cases) {
      const shown = shownAs(it);
      const texts = [shown?.blocks['Message'] ?? '', ...shown?.warnings ?? []].join('\n');
      for (const { text } of it.claims) expect(texts, it.name).toContain(text);
      expect(shown?.marked, it.name).toEqual([...new Set(it.claims.map(({ line }) => line))]);
      const stored = Object.values(shown?.blocks ?? {}).join('\n');
      for (const { value } of it.stored) {
        if (/^["\d]/.test(value)) expect(stored, it.name).toContain(JSON.parse(value));
      }
    }
  });
});

describe('the search', () => {
  test('finds the rule of 1 month, tells how many it found, and lists the examples', async () => {
    const { page, picture, end } = await site.visit('rules/index.html');
    const shown = () => page.locator('.rules tbody tr:visible th').allTextContents();
    const count = page.getByRole('status');
    expect((await shown()).length).toBe(RULES.length);
    await page.getByLabel('Search').pressSequentially('month');
    expect(await shown()).toContain('grant-window-format');
    expect((await shown()).length).toBeLessThan(10);
    expect(await count.textContent()).toBe(`${(await shown()).length} of ${RULES.length} rules`);
    await page.getByLabel('Search').fill('"1 month"');
    expect(await shown()).toEqual(['grant-window-format']);
    await picture('search');
    await page.getByRole('link', { name: 'Refused: a month has no fixed length' }).click();
    expect(await page.locator('.example:target').textContent()).toContain('expirationWindow: 1 month');
    await page.goBack();
    await page.getByLabel('Search').fill('no xyzzy');
    expect(await shown()).toEqual([]);
    expect(await count.textContent()).toContain('No rule matches');
    await end();
  });

  test.each([
    ['code', 'token-ca-ex', ['token-ca-expired']],
    ['summary', 'outside 600 to 4294967296', ['expiration-range']],
    ['message', "write '216h'", ['grant-window-format', 'grant-window-rewritten']],
    ['order of words', 'ISO days 8601', ['grant-window-format']],
  ])('goes by %s', async (_name, query, expected) => {
    const { page, end } = await site.visit('rules/index.html');
    await page.getByLabel('Search').fill(query);
    expect(await page.locator('.rules tbody tr:visible th').allTextContents()).toEqual(expected);
    await end();
  });

  test('filters by kind and severity', async () => {
    const { page, end } = await site.visit('rules/index.html');
    await page.getByLabel('Kind').selectOption('TokenRequest');
    await page.getByLabel('Severity').selectOption('warn');
    const expected = RULES.filter(({ kinds, severity }) => kinds.includes('TokenRequest') && severity === 'warn');
    expect(await page.locator('.rules tbody tr:visible th').allTextContents()).toEqual(expected.map(({ code }) => code));
    await end();
  });
});

test('the list can be read without JavaScript', async () => {
  const { page, end } = await site.visit('rules/index.html', { javaScriptEnabled: false });
  expect(await page.locator('.rules tbody tr:visible').count()).toBe(RULES.length);
  expect(await page.locator('form:visible').count()).toBe(0);
  await end();
});

test('style and search work from a file', async () => {
  const visit = await site.visit('rules/index.html');
  await visit.page.goto(pathToFileURL(join(DIST, 'rules/index.html')).href);
  await visit.page.getByLabel('Search').fill('1 month');
  expect(await visit.page.locator('.rules tbody tr:visible').count()).toBe(1);
  expect(await visit.page.locator('.masthead').evaluate((it) => getComputedStyle(it).display)).toBe('flex');
  await visit.end();
});

describe.each(['light', 'dark'] as const)('in %s colours', (colorScheme) => {
  test.each([
    ['index', { width: 1200, height: 900 }],
    ['grant-window-format', { width: 1200, height: 900 }],
    ['token-ca-format', { width: 360, height: 740 }],
    ['audience-allowed', { width: 360, height: 740 }],
  ])('axe-core finds nothing serious in %s', async (page, viewport) => {
    const visit = await site.visit(`rules/${page}.html`, { colorScheme, viewport });
    expect(await visit.barriers()).toEqual([]);
    expect(visit.troubles()).toEqual([]);
    await visit.picture(`${page}-${colorScheme}`);
    await visit.end();
  });
});

test('the keyboard reaches the content first', async () => {
  const { page, end } = await site.visit('rules/token-ca-format.html');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content');
  await page.keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  await end();
});

const NARROW = { width: 360, height: 740 };
