/**
 * Keeps the texts with their entry in the tab's history: they are still there after a look at a rule's
 * page, and after a reload.
 */

import type { Shared } from '../share.ts';

export function keep(read: () => Shared): void {
  addEventListener('pagehide', () => history.replaceState({ texts: read() }, ''));
}

/** The texts that were kept for this entry. */
export function kept(): Shared | undefined {
  const state = history.state as { texts?: Shared } | null;
  return state?.texts;
}
