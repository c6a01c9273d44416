/**
 * The Markdown of the rule pages: paragraphs and code spans. Any other Markdown is an error, so that no
 * page shows raw markup.
 */

import { html, type Html } from './html.ts';

/** Paragraphs. */
export function paragraphs(markdown: string): Html[] {
  return markdown.split(/\n{2,}/).filter((text) => text !== '').map((text) => {
    const [line] = UNKNOWN.exec(text) ?? [];
    if (line !== undefined) {
      throw new Error(`only paragraphs and \`code\` are shown, and this is neither: '${line}'`);
    }
    return html`<p>${spans(text.replaceAll('\n', ' '))}</p>\n`;
  });
}

/** Text with code spans: a heading, a summary. */
export function spans(markdown: string): Html[] {
  const parts = markdown.split('`');
  if (parts.length % 2 === 0) throw new Error(`a code span is not closed: '${markdown}'`);
  return parts.map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

/** List, quotation, heading, table, fence; link, emphasis. */
const UNKNOWN = /^(?:[-*+>|#] |\d+\. |```).*|\[[^\]]*\]\(.*|\*\*.*/m;
