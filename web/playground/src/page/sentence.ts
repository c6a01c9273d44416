/** What became of everything on the page, in one sentence. */

import type { ObjectOutcome, Outcome } from '../review.ts';

/** `Refused: 2 findings`, `1 of 3 refused: 1 finding`, `Accepted, with 1 warning`. */
export function sentence({ objects, marks, settingsMessage, unreadable }: Outcome): string {
  if (settingsMessage !== undefined) return 'Nothing is judged: the settings are not valid';
  const total = objects.length + unreadable;
  if (total === 0) return 'Nothing is written yet';
  const refused = count(objects, 'refused');
  const denials = marks.filter(({ severity }) => severity === 'deny').length - unreadable;
  const warnings = marks.filter(({ severity }) => severity === 'warn').length;
  const parts: string[] = [];
  if (refused > 0) parts.push(`${share(refused, total, 'refused')}: ${number(denials, 'finding')}`);
  if (unreadable > 0) parts.push(share(unreadable, total, 'cannot be read'));
  if (parts.length > 0) return capital(parts.join('; '));
  const uncovered = count(objects, 'not covered');
  if (uncovered === total) return 'Not covered by this policy';
  const changed = count(objects, 'changed');
  const extras = [
    ...(changed > 0 ? ['defaults filled in'] : []),
    ...(warnings > 0 ? [number(warnings, 'warning')] : []),
  ];
  const all = total > 1 ? `All ${total} accepted` : 'Accepted';
  return extras.length > 0 ? `${all}, with ${extras.join(' and ')}` : all;
}

/** `1 finding`, `2 findings`. */
export function number(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}

function share(part: number, total: number, what: string): string {
  return total === 1 ? what : `${part} of ${total} ${what}`;
}

function count(objects: ObjectOutcome[], result: ObjectOutcome['result']): number {
  return objects.filter((each) => each.result === result).length;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
