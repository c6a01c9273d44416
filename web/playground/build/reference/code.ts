/** YAML as a block in which lines can be marked. */

import { html, type Html } from './html.ts';

/** `marks` says which lines, from 1, are marked as what. */
export function code(text: string, marks?: Map<number, 'deny' | 'warn'>): Html {
  const lines = text.replace(/\n$/, '').split('\n');
  // What scrolls must be reached by keyboard.
  const isWide = lines.some((line) => line.length > NARROW);
  return html`<pre${isWide && html` tabindex="0"`}><code>${lines.map((line, index) => {
    const mark = marks?.get(index + 1);
    return mark ? html`<mark class="${mark}">${line}</mark>\n` : html`${line}\n`;
  })}</code></pre>
`;
}

/** Characters that fit on a line of a narrow screen. */
const NARROW = 36;
