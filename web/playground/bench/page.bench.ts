/**
 * Times of the page in a real Chromium: `npm run bench`. It prints what it measured next to the
 * goals, and fails nothing.
 */

import { afterAll, beforeAll, test } from 'vitest';
import type { Page } from 'playwright-core';
import { openSite, type Site } from '../test/browser/harness.ts';
import { grant } from '../test/browser/page.ts';

let site: Site;

beforeAll(async () => { site = await openSite(); });
afterAll(() => site.close());

test('first result', async () => {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    // A context of its own: nothing is cached.
    const { page, end } = await opened();
    times.push(await page.evaluate(() => (globalThis as unknown as Measured).outcomes[0] ?? NaN));
    await end();
  }
  print('first result after load, cold', times, 'at most 500 ms');
});

test('keystroke', async () => {
  const { page, end } = await opened();
  await page.locator('#manifest .cm-line').nth(5).click();
  await page.keyboard.press('End');
  const [worker] = page.workers();
  await worker?.evaluate(() => {
    const reviews: number[] = [];
    Object.assign(globalThis, { reviews });
    // Behind the listener of the page: by now the answer is posted.
    addEventListener('message', ({ timeStamp }) => reviews.push(performance.now() - timeStamp));
  });
  const times: number[] = [];
  for (const key of 'abcdefghijklmnopqrstuvwxyz'.repeat(2)) times.push(await keystroke(page, key));
  const reviews = await worker?.evaluate(() => (globalThis as unknown as { reviews: number[] }).reviews) ?? [];
  print('review after a keystroke, typical manifest', reviews, 'at most 5 ms');
  print('from the key to the list of findings, one frame of the browser included', times.slice(5));
  await end();
});

test.each([
  ['260 objects', `---\n${grant('expirationWindow: 1 month', 'settings:', `  text: ${'a'.repeat(4_000)}`)}`],
  ['9,000 objects', `---\n${grant('expirationWindow: 1 day')}`],
  ['one object', ''],
])('1 MiB, %s', async (name, document) => {
  const manifest = document === ''
    ? grant('expirationWindow: 1 day', 'settings:', ...Array.from({ length: 40_000 }, (_, index) => `  key${index}: some text`))
    : document.repeat(Math.ceil((1 << 20) / document.length));
  const { page, end } = await opened();
  await page.locator('#manifest .cm-content').click();
  await page.keyboard.press('Control+a');
  await page.evaluate(() => { (globalThis as unknown as Measured).longTasks.length = 0; });
  const opening = await outcome(page, () => page.keyboard.insertText(manifest));
  print(`${name}: result after inserting`, [opening]);
  print(`${name}: longest task while inserting`, [await longestTask(page)]);
  await page.keyboard.press('Control+Home');
  await page.waitForTimeout(1000);
  await page.evaluate(() => { (globalThis as unknown as Measured).longTasks.length = 0; });
  const times: number[] = [];
  for (const key of '# abcdef') times.push(await keystroke(page, key));
  print(`${name}: result after a keystroke`, times);
  print(`${name}: longest task of the page`, [await longestTask(page)], 'about 50 ms');
  await end();
}, 120_000);

/** Times that the page notes, in milliseconds. */
interface Measured {
  outcomes: number[];
  longTasks: number[];
}

/** The page with its first result. */
async function opened(): Promise<{ page: Page; end: () => Promise<void> }> {
  const { page, end } = await site.visit('rules/index.html');
  await page.addInitScript(() => {
    const measured: Measured = { outcomes: [], longTasks: [] };
    Object.assign(globalThis, measured);
    new MutationObserver(() => {
      if (document.querySelector('#findings li')) measured.outcomes.push(performance.now());
    }).observe(document, { childList: true, subtree: true });
    new PerformanceObserver((list) => {
      measured.longTasks.push(...list.getEntries().map(({ duration }) => duration));
    }).observe({ type: 'longtask' });
  });
  await page.goto(new URL('index.html', site.address).href);
  await page.locator('#findings li').first().waitFor();
  return { page, end };
}

/** From the event of the key to the list of findings. */
function keystroke(page: Page, key: string): Promise<number> {
  return outcome(page, () => page.keyboard.type(key));
}

async function outcome(page: Page, action: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    const measure = globalThis as unknown as { latency: Promise<number> };
    measure.latency = new Promise((resolve) => {
      let start = NaN;
      document.addEventListener('beforeinput', () => { start = performance.now(); }, { capture: true, once: true });
      const observer = new MutationObserver(() => {
        if (Number.isNaN(start)) return;
        observer.disconnect();
        resolve(performance.now() - start);
      });
      const list = document.querySelector('#findings');
      if (list) observer.observe(list, { childList: true });
    });
  });
  await action();
  return page.evaluate(() => (globalThis as unknown as { latency: Promise<number> }).latency);
}

async function longestTask(page: Page): Promise<number> {
  await page.waitForTimeout(300);
  return page.evaluate(() => Math.max(0, ...(globalThis as unknown as Measured).longTasks));
}

function print(name: string, times: number[], goal = ''): void {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const worst = sorted.at(-1) ?? NaN;
  const range = sorted.length > 1 ? ` (at most ${worst.toFixed(1)} of ${sorted.length})` : '';
  console.log(`${name}: ${median.toFixed(1)} ms${range}${goal === '' ? '' : `; goal: ${goal}`}`);
}
