/** The list of findings under the editors: each leads to its place, its rule's page and its fix. */

import type { Mark } from '../mark.ts';
import { button, element } from './elements.ts';

/** A finding and the text that it is about. */
export interface Listed extends Mark {
  /** The tab of the text, as the list calls it; the manifest's own has none. */
  where: string;
  line: number;
}

export interface FindingActions {
  jump(finding: Listed): void;
  fix(finding: Listed): void;
}

/** Lists the first; `total` counts all. */
export function showFindings(list: HTMLOListElement, findings: readonly Listed[], total: number, actions: FindingActions): void {
  const items = findings.slice(0, MOST).map((finding) => item(finding, actions));
  if (total > MOST) items.push(element('li', {}, `and ${total - MOST} more`));
  if (findings.length === 0) items.push(element('li', { class: 'none' }, 'No findings.'));
  list.replaceChildren(...items);
}

function item(finding: Listed, actions: FindingActions): HTMLLIElement {
  const { severity, where, line, text, code, fix } = finding;
  const jump = button('', () => actions.jump(finding), 'jump');
  const place = where === '' ? `line ${line}` : `${where}, line ${line}`;
  jump.append(
    element('span', { class: `chip ${severity}` }, code || severity === 'note' ? severity : 'error'),
    ' ',
    element('span', { class: 'place' }, place),
    ' ',
    element('span', { class: 'text' }, text),
  );
  const more = element('div', { class: 'more' });
  if (fix) more.append(button(fix.shown === '' ? 'Clear it' : `Write ${fix.shown}`, () => actions.fix(finding), 'fix'));
  if (code) more.append(element('a', { href: `./rules/${code}.html` }, `Why: ${code}`));
  return element('li', { class: severity }, jump, ...(more.childNodes.length > 0 ? [more] : []));
}

const MOST = 50;
