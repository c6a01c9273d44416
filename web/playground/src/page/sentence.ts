/** What became of everything on the page, in one sentence. */

import type { Outcome } from '../review.ts';

/** `Refused: 2 errors`, `1 of 3 refused: 1 error and 1 warning`, `Accepted, with 1 warning`. */
export function sentence({ totals, settingsMessage }: Outcome): string {
  if (settingsMessage !== undefined) return 'Nothing is judged: the settings are not valid';
  const { unreadable, refused, changed, notCovered, deny, warn } = totals;
  const all = totals.objects + unreadable;
  if (all === 0) return 'Nothing is written yet';
  const parts: string[] = [];
  if (refused > 0) parts.push(`${share(refused, all, 'refused')}: ${found(deny, warn)}`);
  if (unreadable > 0) parts.push(share(unreadable, all, 'cannot be read'));
  if (parts.length > 0) return capital(parts.join('; '));
  if (notCovered === all) return 'Not covered by this policy';
  const extras = [
    ...(changed > 0 ? ['defaults filled in'] : []),
    ...(warn > 0 ? [number(warn, 'warning')] : []),
  ];
  const accepted = all > 1 ? `All ${amount(all)} accepted` : 'Accepted';
  return extras.length > 0 ? `${accepted}, with ${extras.join(' and ')}` : accepted;
}

/** `1 finding`, `2 findings`. */
export function number(count: number, noun: string): string {
  return `${amount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function found(errors: number, warnings: number): string {
  return warnings === 0 ? number(errors, 'error') : `${number(errors, 'error')} and ${number(warnings, 'warning')}`;
}

function share(part: number, all: number, what: string): string {
  return all === 1 ? what : `${amount(part)} of ${amount(all)} ${what}`;
}

function amount(count: number): string {
  return count.toLocaleString('en');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
