// The examples of a README: fenced blocks, and the output that follows them.

import { readFileSync } from 'node:fs';

export interface Example {
  language: string;
  text: string;
  /** The `text` block right after it. */
  output: string | undefined;
}

/** `path` is relative to the package. */
export function examples(path = 'README.md'): Example[] {
  const readme = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const blocks = [...readme.matchAll(/^```([\w ]+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }));
  return blocks.flatMap(({ language, text }, position) => {
    const next = blocks[position + 1];
    const output = next?.language === 'text' ? next.text : undefined;
    return language === 'text' ? [] : [{ language, text, output }];
  });
}
