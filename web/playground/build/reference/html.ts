/**
 * HTML as a value: every text in a template is escaped, unless it is HTML already.
 *
 * ```ts
 * html`<li>${'a < b'}</li>`.text === '<li>a &lt; b</li>'
 * ```
 */

export interface Html {
  readonly text: string;
}

/** A value in a template. Lists are joined; `false` and `undefined` are left out. */
export type Part = Html | string | number | false | undefined | readonly Part[];

export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  const text = strings.reduce((sum, string, index) => sum + textOf(parts[index - 1]) + string);
  return { text };
}

/** For the content of elements and for values of attributes in double quotes. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function textOf(part: Part): string {
  if (part === undefined || part === false) return '';
  if (typeof part === 'string' || typeof part === 'number') return escape(String(part));
  return isList(part) ? part.map(textOf).join('') : part.text;
}

function isList(part: Html | readonly Part[]): part is readonly Part[] {
  return Array.isArray(part);
}
