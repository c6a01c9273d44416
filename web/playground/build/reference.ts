/** Vite plugin: the rule reference, static pages in `rules/` beside the playground. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { SEARCH_FILE, STYLE_FILE } from './reference/frame.ts';
import { listPage } from './reference/list.ts';
import { reviewed } from './reference/reviewed.ts';
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

/** Names and contents. */
export function referenceFiles(): [file: string, source: string][] {
  const { now, pages: written } = readPages();
  const pages = written.map((page) => reviewed(page, now));
  const style = STYLE_SOURCES.map((path) => readFileSync(path, 'utf8')).join('\n');
  return [
    [STYLE_FILE, style],
    ['index.html', listPage(pages)],
    ...pages.map((page, index): [string, string] => [page.page, rulePage(page, now, pages[index - 1], pages[index + 1])]),
  ];
}

const SOURCES = join(import.meta.dirname, '../src');
const SEARCH_SOURCE = join(SOURCES, 'reference/search.ts');
const STYLE_SOURCES = [join(SOURCES, 'theme.css'), join(SOURCES, 'reference/reference.css')];
