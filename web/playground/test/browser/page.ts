/** Actions of a user on the playground's page, and what the page then shows. */

import type { Page } from 'playwright-core';

export type TextName = 'manifest' | 'old' | 'settings';

/** The text of an editor, line by line as it is shown; for texts that need no scrolling. */
export async function textOf(page: Page, name: TextName = 'manifest'): Promise<string> {
  const lines = await page.locator(`#${name} .cm-line`).allTextContents();
  return lines.join('\n');
}

/** Replaces the text of the editor that is shown, by keyboard, and waits for the outcome. */
export async function write(page: Page, text: string, name: TextName = 'manifest'): Promise<void> {
  await page.locator(`#${name} .cm-content`).click();
  await page.keyboard.press('Control+a');
  await judged(page, () => page.keyboard.insertText(text));
}

/** Does something and waits until the page has an outcome for it. */
export async function judged(page: Page, action: () => Promise<unknown>): Promise<void> {
  await page.evaluate(() => {
    const list = document.querySelector('#findings');
    const state = globalThis as unknown as { outcome: Promise<void> };
    state.outcome = new Promise((resolve) => {
      const observer = new MutationObserver(() => {
        observer.disconnect();
        resolve();
      });
      if (list) observer.observe(list, { childList: true });
    });
  });
  await action();
  const ended = () => (globalThis as unknown as { outcome: Promise<void> }).outcome.then(() => true);
  // A megabyte takes seconds on a busy machine.
  await page.waitForFunction(ended, undefined, { timeout: 30_000 });
}

/** The texts that are underlined in an editor. */
export async function underlined(page: Page, name: TextName = 'manifest'): Promise<string[]> {
  return page.locator(`#${name} .cm-finding-deny, #${name} .cm-finding-warn`).allTextContents();
}

export function sentence(page: Page): Promise<string> {
  return page.locator('#sentence').innerText();
}

/** `line 6 spec.expirationWindow: ...` */
export async function findings(page: Page): Promise<string[]> {
  const all = await page.locator('#findings .jump').allInnerTexts();
  return all.map((text) => text.replaceAll(/\s+/g, ' ').trim());
}

/** The added and removed lines of what is stored. */
export async function stored(page: Page): Promise<string[]> {
  const lines = await page.locator('.diff ins, .diff del').allTextContents();
  return lines.map((line) => line.trimEnd());
}

/** An AccessGrant with these lines in its spec. */
export function grant(...spec: string[]): string {
  return ['apiVersion: skupper.io/v2alpha1', 'kind: AccessGrant', 'metadata:', '  name: west', 'spec:',
    ...spec.map((line) => `  ${line}`), ''].join('\n');
}
