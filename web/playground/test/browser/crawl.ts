/** Contents of the reference as a browser shows them; the tests compare them with the engine. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DIST, type Visit } from './harness.ts';

export interface ShownPage {
  file: string;
  title: string;
  ids: string[];
  /** Absolute addresses of links, scripts, styles and icons. */
  links: string[];
  /** Levels of the headings, in order. */
  headings: number[];
  /** True where the page is wider than the window. */
  isTooWide: boolean;
  /** Blocks that scroll and cannot be reached by keyboard. */
  unreachable: string[];
  examples: ShownExample[];
}

export interface ShownExample {
  id: string;
  /** `Refused: days, which Go does not have` */
  heading: string;
  /** The blocks by their captions: `Object`, `Message` ... */
  blocks: Record<string, string>;
  warnings: string[];
  /** Marked lines of the object, from 1. */
  marked: number[];
  playground: string;
}

/** Every page of `dist/rules`, one after the other in the same tab. */
export async function crawl({ page }: Visit, address: string): Promise<ShownPage[]> {
  const files = readdirSync(join(DIST, 'rules')).filter((file) => file.endsWith('.html'));
  const pages: ShownPage[] = [];
  for (const file of files) {
    await page.goto(new URL(`rules/${file}`, address).href);
    pages.push({ file, ...await page.evaluate(shown) });
  }
  return pages;
}

/** Runs in the page. */
function shown(): Omit<ShownPage, 'file'> {
  const all = <E extends Element = HTMLElement>(selector: string, root: ParentNode = document) =>
    [...root.querySelectorAll<E>(selector)];
  const examples = all('.example').map((section) => {
    const figures = all('figure', section).map((figure): [string, string] => [
      figure.querySelector('figcaption')?.textContent ?? '',
      figure.querySelector('code, samp')?.textContent ?? '',
    ]);
    const heading = section.querySelector('h3');
    const lines = section.querySelector('pre:has(mark) code')?.innerHTML.split('\n') ?? [];
    return {
      id: section.id,
      heading: heading?.textContent.replace(' ', ': ') ?? '',
      blocks: Object.fromEntries(figures),
      warnings: all('.warnings samp', section).map((text) => text.textContent),
      marked: lines.flatMap((line, index) => (line.startsWith('<mark') ? [index + 1] : [])),
      playground: section.querySelector<HTMLAnchorElement>('.open a')?.href ?? '',
    };
  });
  return {
    title: document.querySelector('h1')?.textContent ?? '',
    ids: all('[id]').map(({ id }) => id),
    links: [
      ...all<HTMLAnchorElement | HTMLLinkElement>('a, link').map(({ href }) => href),
      ...all<HTMLScriptElement>('script').map(({ src }) => src),
    ],
    headings: all('h1, h2, h3, h4').map(({ tagName }) => Number(tagName.slice(1))),
    unreachable: all('pre')
      .filter((block) => block.scrollWidth > block.clientWidth && block.tabIndex !== 0)
      .map((block) => block.textContent),
    isTooWide: document.documentElement.scrollWidth > innerWidth,
    examples,
  };
}
