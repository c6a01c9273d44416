/** The menu of examples: a rule, grouped by kind, then one of its cases. */

import { examples, now } from 'virtual:examples';
import type { Shared } from '../share.ts';
import { element } from './elements.ts';

export type Example = (typeof examples)[number];

/** The example of `CODE/N`. */
export function exampleOf(code: string, index: number): Example | undefined {
  return examples.find((each) => each.code === code && each.index === index);
}

/** An example as the page's texts, at the time that its outcome assumes. */
export function exampleTexts({ object, old, settings, user }: Example): Shared {
  const texts: Shared = { manifest: object, now };
  if (old !== undefined) texts.old = old;
  if (settings !== undefined) texts.settings = settings;
  if (user?.username !== undefined) texts.username = user.username;
  if (user?.groups !== undefined) texts.groups = user.groups.join(', ');
  return texts;
}

export interface ExampleMenu {
  /** Selects the example that is open, or none. */
  show(code: string | undefined, index: number): void;
}

export function exampleMenu(
  rule: HTMLSelectElement,
  cases: HTMLSelectElement,
  open: (code: string, index: number) => void,
): ExampleMenu {
  rule.append(element('option', { value: '' }, 'choose a rule'), ...groups());
  const fill = (code: string) => {
    const found = examples.filter((each) => each.code === code);
    cases.replaceChildren(...found.map(({ index, outcome, heading }) =>
      element('option', { value: String(index) }, `${outcome}: ${heading}`)));
    cases.disabled = found.length === 0;
    if (cases.parentElement) cases.parentElement.hidden = found.length === 0;
  };
  rule.addEventListener('change', () => {
    fill(rule.value);
    if (rule.value !== '') open(rule.value, 0);
  });
  cases.addEventListener('change', () => open(rule.value, Number(cases.value)));
  return {
    show: (code, index) => {
      rule.value = code ?? '';
      fill(rule.value);
      cases.value = String(index);
    },
  };
}

function groups(): HTMLOptGroupElement[] {
  const kinds = new Map<string, Set<string>>();
  for (const { code, kind } of examples) kinds.set(kind, (kinds.get(kind) ?? new Set()).add(code));
  return [...kinds].map(([kind, codes]) => {
    const group = element('optgroup', { label: kind || 'any object' });
    group.append(...[...codes].sort().map((code) => element('option', { value: code }, code)));
    return group;
  });
}
