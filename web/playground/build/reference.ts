/** Vite plugin: the rule reference, static pages in `rules/` beside the playground. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rules } from 'skupper-access-policy';
import type { Plugin } from 'vite';
import { RULE_PAGES } from './examples.ts';
import { SEARCH_FILE, STYLE_FILE } from './reference/frame.ts';
import { listPage } from './reference/list.ts';
import { reviewed, type ReviewedPage } from './reference/reviewed.ts';
import { rulePage } from './reference/rule.ts';
import { readPages } from './rule-pages.ts';

export function reference(): Plugin {
  return {
    name: 'reference',
    apply: 'build',
    buildStart() {
      this.emitFile({ type: 'chunk', id: SEARCH_SOURCE, fileName: `rules/${SEARCH_FILE}` });
    },
    generateBundle() {
      for (const [file, source] of referenceFiles()) {
        this.emitFile({ type: 'asset', fileName: `rules/${file}`, source });
      }
    },
  };
}

/** Names and contents. Throws where a rule has no page, or a page no rule. */
export function referenceFiles(): [file: string, source: string][] {
  const table = rules();
  const pages = new Map(readPages(RULE_PAGES).map((page) => [page.code, reviewed(page)]));
  const ordered = table.map(({ code }) => pageOf(pages, code));
  if (pages.size > table.length) throw new Error('rules has a page without a rule');
  const style = STYLE_SOURCES.map((path) => readFileSync(path, 'utf8')).join('\n');
  return [
    [STYLE_FILE, style],
    ['index.html', listPage(table, ordered)],
    ...ordered.flatMap((page, index): [string, string][] => {
      const rule = table[index];
      return rule ? [[rule.page, rulePage(rule, page, table[index - 1], table[index + 1])]] : [];
    }),
  ];
}

function pageOf(pages: Map<string, ReviewedPage>, code: string): ReviewedPage {
  const page = pages.get(code);
  if (!page) throw new Error(`rules has no page for the rule '${code}'`);
  return page;
}

const SOURCES = join(import.meta.dirname, '../src');
const SEARCH_SOURCE = join(SOURCES, 'reference/search.ts');
const STYLE_SOURCES = [join(SOURCES, 'theme.css'), join(SOURCES, 'reference/reference.css')];
