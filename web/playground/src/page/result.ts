/** The result of each object, as a user of kubectl sees it, and the object that is stored. */

import type { Row } from '../diff.ts';
import type { ObjectOutcome, Outcome } from '../review.ts';
import { button, element } from './elements.ts';
import { number } from './sentence.ts';

export function showResult(host: HTMLElement, outcome: Outcome, jump: (object: ObjectOutcome) => void): void {
  const { objects, settingsMessage, totals } = outcome;
  if (settingsMessage !== undefined) {
    host.replaceChildren(element('article', { class: 'object' },
      element('p', {}, 'With these settings, the policy refuses every request:'),
      terminal([], denied(settingsMessage))));
    return;
  }
  const cards = objects.map((object) => card(object, jump));
  const rest = totals.objects - cards.length;
  if (rest > 0) cards.push(element('p', {}, `and ${number(rest, 'more object')}`));
  host.replaceChildren(...cards);
}

function card(object: ObjectOutcome, jump: (object: ObjectOutcome) => void): HTMLElement {
  const { kind, name, operation, isUnmatched, isInvalid, result, warnings, message, stored } = object;
  const [text, colour] = RESULTS[result];
  const title = element('h3', {},
    button(`${kind} ${name}`.trim() || 'no kind', () => jump(object), 'title'),
    element('span', { class: `chip ${colour}` }, text));
  if (operation === 'UPDATE') title.append(element('span', { class: 'chip' }, operation));
  const made = element('article', { class: 'object' }, title);
  if (result === 'not covered') {
    const hint = kind === '' ? "Without 'kind', kubectl refuses it." : 'The policy has no rules for this kind: it is allowed unchanged.';
    made.append(element('p', { class: 'hint' }, hint));
    return made;
  }
  if (isUnmatched) made.append(element('p', { class: 'hint' }, 'No old object has this kind, namespace and name: judged as a CREATE.'));
  if (isInvalid) {
    made.append(element('p', {}, `Kubernetes refuses it: ${message}`));
    return made;
  }
  const last = message === undefined ? done(object) : denied(message);
  if (warnings.length > 0 || last !== '') made.append(terminal(warnings, last));
  if (result === 'refused') made.append(element('p', { class: 'hint' }, 'Nothing is stored.'));
  if (result === 'unchanged') made.append(element('p', { class: 'hint' }, 'Accepted as it is written.'));
  if (result === 'changed') made.append(element('h4', {}, kind === 'TokenRequest' ? 'Issued for' : 'Stored'), difference(stored));
  return made;
}

function terminal(warnings: readonly string[], last: string): HTMLElement {
  const lines = element('pre', { class: 'terminal', tabindex: '0', 'aria-label': 'what kubectl prints' });
  for (const warning of warnings) lines.append(element('span', { class: 'warn' }, `Warning: ${warning}`), '\n');
  lines.append(last);
  return lines;
}

/** Source: kubectl, StandardErrorMessage, and the name that Kubewarden gives its webhooks. */
function denied(message: string): string {
  return `Error from server: admission webhook "${WEBHOOK}" denied the request: ${message}`;
}

function done({ kind, resource, operation }: ObjectOutcome): string {
  // A token is issued; nothing is created by name.
  if (kind === 'TokenRequest') return '';
  return `${resource} ${operation === 'UPDATE' ? 'configured' : 'created'}`;
}

function difference(rows: readonly Row[]): HTMLElement {
  const lines = element('pre', { class: 'diff', tabindex: '0', 'aria-label': 'what is stored, compared with what is written' });
  for (const row of rows.slice(0, MOST)) lines.append(rowElement(row));
  if (rows.length > MOST) lines.append(element('span', { class: 'gap' }, `${rows.length - MOST} more lines\n`));
  return lines;
}

function rowElement(row: Row): HTMLElement {
  if (row.kind === 'gap') return element('span', { class: 'gap' }, `  ${number(row.count, 'equal line')}\n`);
  const name = row.kind === 'new' ? 'ins' : row.kind === 'gone' ? 'del' : 'span';
  return element(name, {}, `${SIGNS[row.kind]} ${row.text}\n`);
}

const RESULTS: Record<ObjectOutcome['result'], [text: string, colour: string]> = {
  refused: ['refused', 'deny'],
  changed: ['accepted, completed', 'good'],
  unchanged: ['accepted', 'good'],
  'not covered': ['not covered', ''],
};
const SIGNS = { same: ' ', new: '+', gone: '-' };
const WEBHOOK = 'clusterwide-skupper-access.kubewarden.admission';
/** Lines of an object that are shown. */
const MOST = 200;
