/** The page of one rule. */

import type { Rule } from 'skupper-access-policy';
import { changed, code as codeBlock } from './code.ts';
import { framed } from './frame.ts';
import { html, type Html } from './html.ts';
import { paragraphs, spans } from './markdown.ts';
import { isOfChecker } from '../rule-pages.ts';
import type { ReviewedCase, ReviewedPage } from './reviewed.ts';

/** `previous` and `next` are its neighbours in the list of all rules. */
export function rulePage(page: ReviewedPage, now: string, previous?: Rule, next?: Rule): string {
  const main = html`<h1><code>${page.code}</code></h1>
<p class="summary">${capital(spans(page.summary))}.</p>
<section aria-labelledby="why">
<h2 id="why">Why</h2>
${paragraphs(page.why)}</section>
${facts(page)}<section aria-labelledby="examples">
<h2 id="examples">Examples</h2>
<p class="note">The answers are the ${isOfChecker(page) ? 'checker' : 'policy'}'s own, as of <time datetime="${now}">${now.slice(0, 10)}</time>.</p>
${contents(page.cases)}${page.cases.map((it, index) => example(page.code, it, index))}</section>
${neighbours(previous, next)}`;
  return framed({ title: page.code, description: plain(page.summary), main });
}

/** Outcomes as headings say them. */
export const OUTCOMES = { refused: 'Refused', warned: 'Warned', accepted: 'Accepted' } as const;

/** The class of the chip for an outcome. */
const CHIPS = { refused: 'deny', warned: 'warn', accepted: 'good' } as const;

/** Severities as the reference calls them: `off` is easier to understand than `allow`. */
export const SEVERITIES = { deny: 'deny', warn: 'warn', allow: 'off' } as const;

/** The address of a case in the page of its rule. */
export function anchor(index: number): string {
  return `example-${index}`;
}

function facts(rule: Rule): Html {
  return html`<section aria-labelledby="facts">
<h2 id="facts">Facts</h2>
<dl class="facts">
<div><dt>Kinds</dt><dd>${kindsOf(rule)}</dd></div>
<div><dt>Field</dt><dd>${fieldOf(rule.pointer)}</dd></div>
<div><dt>Severity</dt><dd>${severity(rule)}</dd></div>
<div><dt>Source</dt><dd>${capital(spans(rule.source))}.</dd></div>
</dl>
</section>
`;
}

function fieldOf(pointer: string): Html {
  const path = pointer.split('/').slice(1).join('.');
  return path === '' ? html`the whole object` : html`<code>${path}</code>`;
}

/** The kinds that a rule judges. */
export function kindsOf(rule: Rule): string {
  return isOfChecker(rule) ? 'any' : rule.kinds.join(', ');
}

function severity(rule: Rule): Html {
  const does = {
    deny: 'the request is refused',
    warn: 'the request is accepted, and the user is warned',
    allow: 'the rule is off',
  }[rule.severity];
  if (rule.fixed) {
    const why = isOfChecker(rule)
      ? 'it is a rule of Kubernetes and its tools, which the checker and the playground apply beforehand.'
      : 'Skupper could not read such an object, or it would harm the whole cluster.';
    return html`<strong>${SEVERITIES[rule.severity]}</strong>: ${does}. No setting changes this: ${why}`;
  }
  const others = (['deny', 'warn', 'allow'] as const).filter((other) => other !== rule.severity);
  return html`<strong>${SEVERITIES[rule.severity]}</strong>: ${does}, unless the settings of the policy say otherwise. They can set it to ${others.map((other, index) => html`${index > 0 && ' or '}<code>${other}</code>${other === 'allow' && ', which turns the rule off'}`)}:
${codeBlock(`rules:\n  ${rule.code}: ${others[0] ?? ''}\n`)}`;
}

/** Links to the examples, where there are many. */
function contents(cases: ReviewedCase[]): Html | false {
  if (cases.length < 6) return false;
  return html`<nav aria-labelledby="examples">
<ol class="contents">
${cases.map((it, index) => html`<li>${label(it)} <a href="#${anchor(index)}">${spans(it.heading)}</a></li>\n`)}</ol>
</nav>
`;
}

function example(code: string, it: ReviewedCase, index: number): Html {
  const id = anchor(index);
  const { message, warnings, old } = it;
  const marks = new Map(it.claims.map(({ line, severity }) => [line, severity]));
  return html`<section class="example" id="${id}" aria-labelledby="${id}-heading">
<h3 id="${id}-heading">${label(it)} ${spans(it.heading)}</h3>
${paragraphs(it.remark)}${block('Settings of the policy', it.settings)}${block('User', it.user)}${block('Stored so far', old)}${block(old === undefined ? 'Object' : 'Update', it.object, marks)}${texts('Message', message === undefined ? [] : [message])}${texts('Warnings', warnings)}${stored(it)}<p class="open"><a href="../index.html#example=${code}/${index}">Open in the playground<span class="visually-hidden">: ${it.heading}</span></a></p>
</section>
`;
}

function label({ outcome }: ReviewedCase): Html {
  return html`<span class="chip ${CHIPS[outcome]}">${OUTCOMES[outcome]}</span>`;
}

function block(title: string, yaml: string | undefined, marks?: Map<number, 'deny' | 'warn'>): Html | false {
  if (yaml === undefined) return false;
  return html`<figure>
<figcaption>${title}</figcaption>
${codeBlock(yaml, marks)}</figure>
`;
}

function texts(title: string, texts: string[]): Html | false {
  if (texts.length === 0) return false;
  return html`<figure class="${title.toLowerCase()}">
<figcaption>${title}</figcaption>
${texts.map((text) => html`<samp>${text}</samp>\n`)}</figure>
`;
}

function stored({ outcome, rows }: ReviewedCase): Html | false {
  if (outcome === 'refused') return false;
  if (rows.length === 0) return html`<p class="stored">Stored as written.</p>\n`;
  return html`<figure class="stored">
<figcaption>Stored, compared with what is written</figcaption>
${changed(rows)}</figure>
`;
}

function neighbours(previous?: Rule, next?: Rule): Html {
  return html`<nav class="neighbours" aria-label="Other rules">
${previous && html`<a rel="prev" href="${previous.page}">Previous: ${previous.code}</a>\n`}<a href="index.html">All rules</a>
${next && html`<a rel="next" href="${next.page}">Next: ${next.code}</a>\n`}</nav>
`;
}

/** Summaries begin in lower case, for the tables of the documentation. */
function capital([first, ...rest]: Html[]): Html[] {
  const text = first?.text ?? '';
  return [{ text: text.slice(0, 1).toUpperCase() + text.slice(1) }, ...rest];
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}
