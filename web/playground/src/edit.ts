/** Edits of a text. All offsets are those of the original text. */

import type { TextEdit } from 'skupper-access-policy/text';

/**
 * Applies edits. Of two that overlap, the one that begins first and is longer wins; an insertion comes
 * before a replacement at the same place.
 */
export function applied(text: string, edits: readonly TextEdit[]): string {
  const ordered = edits.toSorted((a, b) => a.from - b.from || Number(a.to > a.from) - Number(b.to > b.from) || b.to - a.to);
  const parts: string[] = [];
  let done = 0;
  for (const { from, to, insert } of ordered) {
    if (from < done) continue;
    parts.push(text.slice(done, from), insert);
    done = to;
  }
  parts.push(text.slice(done));
  return parts.join('');
}
