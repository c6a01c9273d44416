import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DIST, openSite, type Site } from './harness.ts';
import { grant, judged, sentence, textOf, underlined, write } from './page.ts';

let site: Site;

beforeAll(async () => { site = await openSite(); });
afterAll(() => site?.close());

describe('the first load', () => {
  test('takes at most 420 KB', async () => {
    const visit = await site.visit('index.html');
    await visit.page.locator('#findings li').first().waitFor();
    const files = [...new Set(visit.requests())].map((address) => address.replace(site.address, ''));
    const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, file || 'index.html'))).length, 0);
    console.log(`first load: ${size} bytes, gzip`);
    expect(size).toBeLessThan(420_000);
    await visit.end();
  });

  test('has a module of at most 260 KB', () => {
    const [wasm = ''] = readdirSync(join(DIST, 'assets')).filter((file) => file.endsWith('.wasm'));
    expect(gzipSync(readFileSync(join(DIST, 'assets', wasm))).length).toBeLessThan(260_000);
  });

  test('ends with a result within two seconds, and half a second where nothing else runs', async () => {
    const visit = await site.visit('rules/index.html');
    const { page } = visit;
    await page.addInitScript(() => {
      const observer = new MutationObserver(() => {
        if (!document.querySelector('#findings li')) return;
        observer.disconnect();
        (globalThis as unknown as { firstResult: number }).firstResult = performance.now();
      });
      observer.observe(document, { childList: true, subtree: true });
    });
    await page.goto(new URL('index.html', site.address).href);
    await page.locator('#findings li').first().waitFor();
    const milliseconds = await page.evaluate(() => (globalThis as unknown as { firstResult: number }).firstResult);
    console.log(`first result: after ${Math.round(milliseconds)} ms`);
    expect(milliseconds).toBeGreaterThan(0);
    expect(milliseconds).toBeLessThan(2_000);
    await visit.end();
  });
});

const MIB = 1 << 20;

describe('a manifest of 1 MiB does not freeze the page', () => {
  const filled = (document: string) => document.repeat(Math.ceil(MIB / document.length));
  test.each([
    ['long texts', filled(`---\n${grant('expirationWindow: 1 month', 'settings:', `  text: ${'a'.repeat(4_000)}`)}`), '254 of 254 refused: 254 errors'],
    ['many small objects', filled(`---\n${grant('expirationWindow: 1 month')}`), '9,447 of 9,447 refused: 9,447 errors'],
    ['one long line', grant(`expirationWindow: ${'1 month '.repeat(MIB / 8)}`), 'Refused: 1 error'],
    ['many fields', grant(...Array.from({ length: MIB / 16 }, (_, index) => `field${index}: 1`)), 'Accepted, with defaults filled in and 32 warnings'],
    ['deep nesting', grant(`settings: ${'['.repeat(MIB / 2)}${']'.repeat(MIB / 2)}`), 'Cannot be read'],
  ])('%s', async (name, manifest, expected) => {
    const visit = await site.visit('index.html');
    const { page } = visit;
    await page.locator('#findings li').first().waitFor();
    await page.evaluate(() => {
      const state = globalThis as unknown as { longest: number };
      state.longest = 0;
      let last = performance.now();
      setInterval(() => {
        const now = performance.now();
        state.longest = Math.max(state.longest, now - last);
        last = now;
      }, 10);
    });
    await write(page, manifest);
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('# typed\n');
    expect(await textOf(page)).toContain('# typed');
    await expect.poll(() => sentence(page), { timeout: 30_000 }).toBe(expected);
    const longest = await page.evaluate(() => (globalThis as unknown as { longest: number }).longest);
    console.log(`1 MiB, ${name}: the page stood still for at most ${Math.round(longest)} ms`);
    expect(longest).toBeLessThan(1_000);
    expect(visit.troubles()).toEqual([]);
    await visit.end();
  });
});

describe('without a mouse', () => {
  test('everything can be reached: a mistake is written, found, corrected', async () => {
    const visit = await site.visit('index.html');
    const { page } = visit;
    await page.locator('#findings li').first().waitFor();
    const focused = () => page.evaluate(() => {
      let element = document.activeElement;
      while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
    });
    const tabTo = async (wanted: string) => {
      for (let steps = 0; steps < 40; steps += 1) {
        if ((await focused()).includes(wanted)) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`Tab does not reach ${wanted}`);
    };
    await tabTo('Manifest, YAML');
    await page.keyboard.press('Control+a');
    await judged(page, () => page.keyboard.insertText(grant('expirationWindow: 1 week')));
    await page.keyboard.press('Escape');
    await tabTo('spec.expirationWindow');
    await page.keyboard.press('Enter');
    expect(await focused()).toBe('Manifest, YAML');
    expect(await page.locator('#manifest .cm-activeLine').textContent()).toBe('  expirationWindow: 1 week');
    await page.keyboard.press('Escape');
    await tabTo('Write 168h');
    await judged(page, () => page.keyboard.press('Enter'));
    expect(await textOf(page)).toContain('expirationWindow: 168h');
    await page.keyboard.press('Escape');
    await tabTo('Settings');
    expect(visit.troubles()).toEqual([]);
    await visit.end();
  });

  test('a screen reader is told the result', async () => {
    const visit = await site.visit('index.html');
    await visit.page.locator('#findings li').first().waitFor();
    const live = visit.page.locator('[aria-live=polite]');
    await write(visit.page, grant('expirationWindow: 24h'));
    await live.getByText('Accepted, with defaults filled in').waitFor({ state: 'attached' });
    await write(visit.page, grant('expirationWindow: 1 month'));
    await live.getByText('Refused: 1 error').waitFor({ state: 'attached' });
    await visit.end();
  });
});

describe.each(['light', 'dark'] as const)('in %s colours', (colorScheme) => {
  test.each([
    ['wide', { width: 1280, height: 900 }],
    ['narrow', { width: 360, height: 740 }],
  ])('axe-core finds nothing serious, %s, and nothing is cut off', async (name, viewport) => {
    const visit = await site.visit('index.html#example=grant-window-format/28', { colorScheme, viewport });
    const { page } = visit;
    await page.locator('#sentence').getByText('Accepted').waitFor();
    expect(await underlined(page)).toEqual(['1 day']);
    const states: [string, () => Promise<unknown>][] = [
      ['warned', async () => {}],
      ['refused', () => write(page, grant('expirationWindow: 1 month', 'linkCost: 2'))],
      ['settings', () => page.getByRole('tab', { name: 'Settings' }).click()],
      ['request', () => page.getByRole('tab', { name: 'User and time' }).click()],
      ['shared', () => page.getByRole('button', { name: 'Share' }).click()],
    ];
    for (const [state, reach] of states) {
      await reach();
      expect(await visit.barriers(), state).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), state).toBe(false);
      await visit.picture(`playground-${state}-${name}-${colorScheme}`);
    }
    expect(visit.troubles()).toEqual([]);
    await visit.end();
  });
});
