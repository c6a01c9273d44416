/** The inputs beside the manifest, whose tabs may not be shown. */

import type { Shared } from '../share.ts';

/** `With the settings, as of 2026-11-22T00:00:00Z.`, or nothing. */
export function circumstances({ settings, username, groups, now }: Shared): string {
  const parts = [
    settings !== undefined && settings.trim() !== '' && 'with the settings',
    (username ?? groups) !== undefined && `for ${username ?? `a user in ${groups ?? ''}`}`,
    now !== undefined && `as of ${now}`,
  ].filter((part) => part !== false);
  const [first, ...rest] = parts.join(', ');
  return first === undefined ? '' : `${first.toUpperCase()}${rest.join('')}.`;
}
