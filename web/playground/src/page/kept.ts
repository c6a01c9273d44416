/**
 * Texts stay with their entry in the history of the tab: who reads a rule's page and comes back, or
 * loads the page again, finds what was written.
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
