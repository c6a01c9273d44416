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
import { FILE, readPages, userOf, type RulePage } from './rule-pages.ts';

/** The cases as examples, in the order of the pages. */
export function examplesOf(pages: RulePage[]): Example[] {
  return pages.flatMap(({ code, kinds: [kind = ''], cases }) =>
    cases.map((it, index) => {
      const { heading, outcome, object, old, settings } = it;
      return { code, kind, index, heading, outcome, object, old, settings, user: userOf(it) };
    }));
}

/** Serves `virtual:examples`. */
export function examples(): Plugin {
  return {
    name: 'examples',
    resolveId: (id) => (id === MODULE ? RESOLVED : undefined),
    load(id) {
      if (id !== RESOLVED) return undefined;
      this.addWatchFile(FILE);
      const { now, pages } = readPages();
      // Text is parsed faster as JSON than as JavaScript.
      const packed = JSON.stringify(JSON.stringify(pack(examplesOf(pages))));
      return [
        `import { unpack } from ${JSON.stringify(join(import.meta.dirname, 'packed.ts'))};`,
        `export const examples = unpack(JSON.parse(${packed}));`,
        `export const now = ${JSON.stringify(now)};`,
      ].join('\n');
    },
  };
}

const MODULE = 'virtual:examples';
const RESOLVED = `\0${MODULE}`;
