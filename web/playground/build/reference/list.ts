/** The page of all rules: a table that can be searched, and read without JavaScript. */

import { framed } from './frame.ts';
import { html, type Html } from './html.ts';
import { spans } from './markdown.ts';
import type { ReviewedCase, ReviewedPage } from './reviewed.ts';
import { anchor, kindsOf, OUTCOMES, SEVERITIES } from './rule.ts';

export function listPage(pages: ReviewedPage[]): string {
  const kinds = [...new Set(pages.flatMap((page) => page.kinds))];
  const main = html`<h1>Rules</h1>
<p class="lead">Everything that the policy refuses or warns about, and what kubectl, kustomize and the API server make of any manifest. Each page gives the reason, and shows what is refused, what passes and what to write instead.</p>
<form class="search" role="search" hidden>
<div class="field wide"><label for="query">Search</label><input id="query" type="search" autocomplete="off" spellcheck="false" placeholder="1 month, url, certificate"></div>
<div class="field"><label for="kind">Kind</label><select id="kind"><option value="">all</option>${kinds.map(option)}</select></div>
<div class="field"><label for="severity">Severity</label><select id="severity"><option value="">all</option>${Object.values(SEVERITIES).map(option)}</select></div>
</form>
<p id="count" class="count" role="status">${pages.length} rules</p>
<table class="rules" role="table">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Rule</th><th role="columnheader" scope="col">Kinds</th><th role="columnheader" scope="col">Severity</th><th role="columnheader" scope="col">Refuses or warns about</th></tr></thead>
<tbody role="rowgroup">
${pages.map(row)}</tbody>
</table>
<p class="note"><strong>deny</strong> refuses the request, <strong>warn</strong> accepts it and tells the user, a rule that is <strong>off</strong> does nothing until the settings of the policy say otherwise. The severity of a rule with <abbr title="cannot be changed">†</abbr> cannot be changed.</p>
`;
  return framed({ title: 'Rules', description: 'Every rule of the Skupper access policy, with search.', isList: true, main });
}

/** Words of a page for the search: each once, in lower case, without certificates. */
export function wordsOf({ why, source, pointer, cases }: ReviewedPage): string {
  const texts = cases.flatMap(({ remark, object, old, settings, user, message, warnings }) =>
    [remark, object, old, settings, user, message, ...warnings]);
  const text = [why, source, pointer, ...texts].join('\n');
  const words = text.replace(PEM, '').toLowerCase().match(WORD) ?? [];
  return [...new Set(words)].sort().join(' ');
}

function option(name: string): Html {
  return html`<option>${name}</option>`;
}

function row(page: ReviewedPage): Html {
  const severity = SEVERITIES[page.severity];
  return html`<tr role="row" data-kinds="${page.kinds.join(' ')}" data-severity="${severity}" data-words="${wordsOf(page)}">
<th role="rowheader" scope="row"><a href="${page.page}">${page.code}</a></th>
<td role="cell">${kindsOf(page)}</td>
<td role="cell" class="severity"><span class="chip ${severity}">${severity}</span>${page.fixed && html` <abbr title="cannot be changed">†</abbr>`}</td>
<td role="cell">${spans(page.summary)}
<ul class="found" aria-label="Examples found" hidden>
${page.cases.map((it, index) => found(`${page.page}#${anchor(index)}`, it))}</ul></td>
</tr>
`;
}

/** An example for the search, with the line that it is about. */
function found(address: string, { outcome, heading, object, claims }: ReviewedCase): Html {
  const line = object.split('\n')[(claims[0]?.line ?? 0) - 1]?.trim() ?? '';
  const shown = /:./.test(line) && line.length <= 60 && html`<br><code>${line}</code>`;
  return html`<li hidden><a href="${address}">${OUTCOMES[outcome]}: ${spans(heading)}</a>${shown}</li>\n`;
}

const PEM = /-----BEGIN[^]*?-----END[^\n]*|[A-Za-z0-9+/=]{40,}/g;

const WORD = /[\p{L}\p{N}][\p{L}\p{N}_.:/*-]*/gu;
