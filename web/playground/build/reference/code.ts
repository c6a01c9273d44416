/** YAML and differences as blocks of lines. */

import { html, type Html } from './html.ts';
import type { Change } from './reviewed.ts';

/** `marks` says which lines, from 1, are marked as what. */
export function code(text: string, marks?: Map<number, 'deny' | 'warn'>): Html {
  return block(text.replace(/\n$/, '').split('\n').map((line, index) => {
    const mark = marks?.get(index + 1);
    return { line, shown: mark ? html`<mark class="${mark}">${line}</mark>` : html`${line}` };
  }));
}

/** What was there and what is there instead. */
export function changed(changes: readonly Change[]): Html {
  return block(changes.flatMap(({ path, before, after }) => [
    ...(before === undefined ? [] : [{ line: `- ${path}: ${before}`, tag: 'del' }]),
    ...(after === undefined ? [] : [{ line: `+ ${path}: ${after}`, tag: 'ins' }]),
  ]).map(({ line, tag }) => ({ line, shown: tag === 'del' ? html`<del>${line}</del>` : html`<ins>${line}</ins>` })));
}

function block(lines: { line: string; shown: Html }[]): Html {
  // What scrolls must be reached by keyboard.
  const isWide = lines.some(({ line }) => line.length > NARROW);
  return html`<pre${isWide && html` tabindex="0"`}><code>${lines.map(({ shown }) => html`${shown}\n`)}</code></pre>
`;
}

/** Characters that fit on a line of a narrow screen. */
const NARROW = 36;
