/**
 * Vite plugin: the module `virtual:examples`, every case of every rule page, without claims.
 *
 * ```ts
 * import { examples, now } from 'virtual:examples';
 * ```
 */

import { join } from 'node:path';
import type { Plugin } from 'vite';
import { pack, type Example } from './packed.ts';
import { readPages, type RulePage } from './rule-pages.ts';

/** The rule pages, from the repository's root. */
export const RULE_PAGES = join(import.meta.dirname, '../../../rules');

/** The time at which every case ends as its heading says. Source: tests/support/src/lib.rs. */
export const NOW = '2026-11-22T00:00:00Z';

/** The cases as examples, in the order of the pages. */
export function examplesOf(pages: RulePage[]): Example[] {
  return pages.flatMap(({ code, cases }) =>
    cases.map(({ heading, outcome, object, old, settings, user }, index) => ({
      code, index, heading, outcome, object, old, settings, user,
    })));
}

/** Serves `virtual:examples`. */
export function examples(): Plugin {
  return {
    name: 'examples',
    resolveId: (id) => (id === MODULE ? RESOLVED : undefined),
    load(id) {
      if (id !== RESOLVED) return undefined;
      this.addWatchFile(RULE_PAGES);
      // Text is parsed faster as JSON than as JavaScript.
      const packed = JSON.stringify(JSON.stringify(pack(examplesOf(readPages(RULE_PAGES)))));
      return [
        `import { unpack } from ${JSON.stringify(join(import.meta.dirname, 'packed.ts'))};`,
        `export const examples = unpack(JSON.parse(${packed}));`,
        `export const now = ${JSON.stringify(NOW)};`,
      ].join('\n');
    },
  };
}

const MODULE = 'virtual:examples';
const RESOLVED = `\0${MODULE}`;
