/** The outcome of the whole page in one sentence. */

import type { Outcome } from '../review.ts';

/** `Refused: 2 errors`, `1 of 3 refused: 1 error and 1 warning`, `Accepted, with 1 warning`. */
export function sentence({ totals, settingsMessage }: Outcome): string {
  if (settingsMessage !== undefined) return 'Nothing is judged: the settings are not valid';
  const { unreadable, notJudged, refused, changed, notCovered, deny, warn, notes } = totals;
  const all = totals.objects + unreadable + notJudged;
  if (all === 0) return 'Nothing is written yet';
  const parts: string[] = [];
  if (refused > 0) parts.push(`${share(refused, all, 'refused')}: ${found(deny, warn)}`);
  if (unreadable > 0) parts.push(share(unreadable, all, 'cannot be read'));
  if (notJudged > 0) parts.push(share(notJudged, all, 'not judged'));
  if (parts.length > 0) return capital(parts.join('; '));
  const extras = [
    ...(changed > 0 ? ['defaults filled in'] : []),
    ...(warn > 0 ? [number(warn, 'warning')] : []),
    ...(notes > 0 ? [number(notes, 'note')] : []),
  ];
  const accepted = all > 1 ? `All ${amount(all)} accepted` : 'Accepted';
  const result = notCovered === all ? 'Not covered by this policy' : accepted;
  return extras.length > 0 ? `${result}, with ${listed(extras)}` : result;
}

/** `1 finding`, `2 findings`. */
export function number(count: number, noun: string): string {
  return `${amount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function found(errors: number, warnings: number): string {
  return warnings === 0 ? number(errors, 'error') : `${number(errors, 'error')} and ${number(warnings, 'warning')}`;
}

/** `a`, `a and b`, `a, b and c`. */
function listed(parts: readonly string[]): string {
  return [parts.slice(0, -1).join(', '), parts.at(-1)].filter(Boolean).join(' and ');
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
