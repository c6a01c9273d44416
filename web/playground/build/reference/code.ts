/** YAML and differences as blocks of lines. */

import { html, type Html } from './html.ts';
import type { Row } from '../../src/diff.ts';

/** `marks` maps line numbers, from 1, to severities. */
export function code(text: string, marks?: Map<number, 'deny' | 'warn'>): Html {
  return block(text.replace(/\n$/, '').split('\n').map((line, index) => {
    const mark = marks?.get(index + 1);
    return { line, shown: mark ? html`<mark class="${mark}">${line}</mark>` : html`${line}` };
  }));
}

/** Both texts of a difference. */
export function changed(rows: readonly Row[]): Html {
  return block(rows.map((row) => {
    if (row.kind === 'gap') return { line: '', shown: html`  ...` };
    const line = `${SIGNS[row.kind]} ${row.text}`;
    return { line, shown: { same: html`${line}`, gone: html`<del>${line}</del>`, new: html`<ins>${line}</ins>` }[row.kind] };
  }));
}

function block(lines: { line: string; shown: Html }[]): Html {
  // The keyboard must reach a block that scrolls.
  const isWide = lines.some(({ line }) => line.length > NARROW);
  return html`<pre${isWide && html` tabindex="0"`}><code>${lines.map(({ shown }) => html`${shown}\n`)}</code></pre>
`;
}

const SIGNS = { same: ' ', gone: '-', new: '+' };

/** Characters that fit on a line of a narrow screen. */
const NARROW = 36;
