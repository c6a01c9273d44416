/** The share button: makes a link without secrets, and says what it leaves out. */

import type { Reviewer } from '../reviewer.ts';
import { fragmentOf, type Shared } from '../share.ts';
import { element } from './elements.ts';
import { number } from './sentence.ts';

export function sharing(button: HTMLButtonElement, status: HTMLElement, reviewer: Reviewer, read: () => Shared): void {
  button.addEventListener('click', () => {
    void share().catch((error: unknown) => {
      status.replaceChildren(error instanceof Error ? error.message : String(error));
    });
  });

  async function share(): Promise<void> {
    const { manifest, old, settings, ...rest } = read();
    const texts = [manifest, old ?? '', settings ?? ''];
    const redacted = await reviewer.redact(texts);
    const [shown, shownOld, shownSettings] = redacted.map(({ text }) => text);
    const shared: Shared = { manifest: shown ?? '', ...rest };
    if (old !== undefined) shared.old = shownOld ?? '';
    if (shownSettings) shared.settings = shownSettings;
    const link = new URL(`#${await fragmentOf(shared)}`, location.href).href;
    const isCopied = await copied(link);
    const leftOut = redacted.reduce((sum, each) => sum + each.leftOut, 0);
    show(link, isCopied, leftOut);
  }

  function show(link: string, isCopied: boolean, leftOut: number): void {
    const field = element('input', { readonly: '', 'aria-label': 'Link', value: link });
    field.addEventListener('focus', () => field.select());
    const notes = [
      isCopied ? 'The link is copied.' : 'Copy the link:',
      "It has no comments, and '***' in place of codes, certificates and tokens.",
    ];
    if (leftOut > 0) {
      notes.push(`Left out: ${number(leftOut, 'document')} that cannot be read, or of another kind, whose secrets nobody knows.`);
    }
    status.replaceChildren(element('p', {}, notes.join(' ')), field);
  }
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
