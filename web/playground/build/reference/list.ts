/** The page of all rules: a table that can be searched, and read without JavaScript. */

import type { Rule } from 'skupper-access-policy';
import { framed } from './frame.ts';
import { html, type Html } from './html.ts';
import { spans } from './markdown.ts';
import type { ReviewedCase, ReviewedPage } from './reviewed.ts';
import { anchor, OUTCOMES, SEVERITIES } from './rule.ts';

/** `pages` are in the order of `rules`. */
export function listPage(rules: Rule[], pages: ReviewedPage[]): string {
  const kinds = [...new Set(rules.flatMap((rule) => rule.kinds))];
  const main = html`<h1>Rules</h1>
<p class="lead">What the policy refuses or warns about. Each page says why, and shows what is refused, what passes and what to write instead.</p>
<form class="search" role="search" hidden>
<div class="field wide"><label for="query">Search</label><input id="query" type="search" autocomplete="off" spellcheck="false" placeholder="1 month, url, certificate"></div>
<div class="field"><label for="kind">Kind</label><select id="kind"><option value="">all</option>${kinds.map(option)}</select></div>
<div class="field"><label for="severity">Severity</label><select id="severity"><option value="">all</option>${Object.values(SEVERITIES).map(option)}</select></div>
</form>
<p id="count" class="count" role="status">${rules.length} rules</p>
<table class="rules" role="table">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Rule</th><th role="columnheader" scope="col">Kinds</th><th role="columnheader" scope="col">Severity</th><th role="columnheader" scope="col">Refuses or warns about</th></tr></thead>
<tbody role="rowgroup">
${rules.map((rule, index) => row(rule, pages[index]))}</tbody>
</table>
<p class="note"><strong>deny</strong> refuses the request, <strong>warn</strong> accepts it and tells the user, a rule that is <strong>off</strong> does nothing until the settings of the policy say otherwise. The severity of a rule with <abbr title="cannot be changed">†</abbr> cannot be changed.</p>
`;
  return framed({ title: 'Rules', description: 'Every rule of the Skupper access policy, with search.', isList: true, main });
}

/** Every word of a page once, in lower case and without certificates: what the search looks through. */
export function wordsOf(rule: Rule, page: ReviewedPage): string {
  const cases = page.cases.map(({ remark, object, old, settings, user, answer }) =>
    [remark, object, old, settings, user, answer.message, ...answer.warnings]);
  const text = [page.why, rule.source, rule.pointer, ...cases.flat()].join('\n');
  const words = text.replace(PEM, '').toLowerCase().match(WORD) ?? [];
  return [...new Set(words)].sort().join(' ');
}

function option(name: string): Html {
  return html`<option>${name}</option>`;
}

function row(rule: Rule, page: ReviewedPage | undefined): Html {
  const severity = SEVERITIES[rule.severity];
  return html`<tr role="row" data-kinds="${rule.kinds.join(' ')}" data-severity="${severity}" data-words="${page && wordsOf(rule, page)}">
<th role="rowheader" scope="row"><a href="${rule.page}">${rule.code}</a></th>
<td role="cell">${rule.kinds.join(', ')}</td>
<td role="cell" class="severity"><span class="chip ${severity}">${severity}</span>${rule.fixed && html` <abbr title="cannot be changed">†</abbr>`}</td>
<td role="cell">${spans(rule.summary)}
<ul class="found" aria-label="Examples found" hidden>
${page?.cases.map((it, index) => found(`${rule.page}#${anchor(index)}`, it))}</ul></td>
</tr>
`;
}

/** An example that the search may show, with the line that it is about. */
function found(address: string, { outcome, heading, object, claims }: ReviewedCase): Html {
  const line = object.split('\n')[(claims[0]?.line ?? 0) - 1]?.trim() ?? '';
  const shown = /:./.test(line) && line.length <= 60 && html`<br><code>${line}</code>`;
  return html`<li hidden><a href="${address}">${OUTCOMES[outcome]}: ${spans(heading)}</a>${shown}</li>\n`;
}

const PEM = /-----BEGIN[^]*?-----END[^\n]*|[A-Za-z0-9+/=]{40,}/g;

const WORD = /[\p{L}\p{N}][\p{L}\p{N}_.:/*-]*/gu;
