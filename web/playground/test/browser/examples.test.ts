/** Every example of every rule page, opened in the playground as a link of the reference opens it. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPages } from '../../build/rule-pages.ts';
import { MAX_WAIT, openSite, type Site } from './harness.ts';

interface Shown {
  sentence: string;
  findings: { severity: string; code: string; line: number }[];
  operation: string;
  menu: string;
}

let site: Site;

beforeAll(async () => { site = await openSite(); });
afterAll(() => site?.close());

test('every example opens, ends as its heading says, and is marked at the lines that its page claims', async () => {
  const cases = readPages().pages.flatMap(({ code, cases }) =>
    cases.map((it, index) => ({ ...it, code, name: `${code}/${index}` })));
  const { page, troubles, end } = await site.visit('index.html');
  const shown = await page.evaluate(openAll, { names: cases.map(({ name }) => name), maxWait: MAX_WAIT });
  cases.forEach((it, index) => {
    const { sentence, findings, operation, menu } = shown[index] as Shown;
    expect(menu).toBe(it.name);
    expect(operation, it.name).toBe(it.old === undefined ? 'CREATE' : 'UPDATE');
    // Values that a later step fills in are noted, and judged by the policy alone.
    if (findings.some(({ severity }) => severity === 'note')) {
      expect(it.code).toBe('placeholder');
      expect(sentence, it.name).toContain('1 note');
      return;
    }
    expect(outcomeOf(sentence), `${it.name}: ${sentence}`).toBe(it.outcome);
    const unclaimed = it.claims.reduce((left, claim) => {
      const found = left.findIndex(({ severity, code, line }) =>
        severity === claim.severity && code === claim.code && linesOf(claim.line, it.object).includes(line));
      expect(found, `${it.name}: ${JSON.stringify(claim)} in ${JSON.stringify(left)}`).not.toBe(-1);
      return left.filter((_, index) => index !== found);
    }, findings);
    expect(unclaimed, it.name).toEqual([]);
  });
  expect(troubles()).toEqual([]);
  await end();
});

test('an example that is not there is said to be so', async () => {
  const { page, end } = await site.visit('index.html#example=grant-window-format/9999');
  await page.getByText('There is no such example').waitFor();
  await end();
});

/** Runs in the page: an outcome writes the list of findings anew. */
async function openAll({ names, maxWait }: { names: string[]; maxWait: number }): Promise<Shown[]> {
  const list = document.querySelector('#findings');
  if (!list) throw new Error('there is no list of findings');
  const text = (selector: string, root: ParentNode = document) => root.querySelector(selector)?.textContent ?? '';
  const value = (selector: string) => document.querySelector<HTMLInputElement | HTMLSelectElement>(selector)?.value;
  const shown: Shown[] = [];
  for (const name of names) {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => { reject(new Error(`${name}: no outcome`)); }, maxWait);
      const observer = new MutationObserver(() => {
        observer.disconnect();
        clearTimeout(timer);
        resolve();
      });
      observer.observe(list, { childList: true });
      location.hash = `example=${name}`;
    });
    shown.push({
      sentence: text('#sentence'),
      findings: [...list.querySelectorAll('li:not(.none)')].map((item) => ({
        severity: text('.chip', item),
        code: text('a', item).replace('Why: ', ''),
        line: Number(text('.place', item).replace('line ', '')),
      })),
      operation: value('[name=operation]:checked') ?? '',
      menu: `${value('#rule')}/${value('#case')}`,
    });
  }
  return shown;
}

/** A claim stands beside a key; a value below the key begins in the next line. */
function linesOf(line: number, object: string): number[] {
  return object.split('\n')[line - 1]?.endsWith(':') === true ? [line, line + 1] : [line];
}

function outcomeOf(sentence: string) {
  if (sentence.startsWith('Refused')) return 'refused';
  if (!/^(Accepted|Not covered)/.test(sentence)) return sentence;
  return sentence.includes('warning') ? 'warned' : 'accepted';
}
