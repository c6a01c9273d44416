/**
 * Examples in the form in which a browser loads them: certificates and most other lines repeat, so
 * each line is written once. A fourth of the size, and the same in transfer or a little less.
 */

import type { Outcome } from './rule-pages.ts';

/** A case of a rule page. */
export interface Example {
  /** The rule whose page it is from. */
  code: string;
  /** Its position in the page, from 0. */
  index: number;
  /** Without the outcome: `days, which Go does not have`. */
  heading: string;
  outcome: Outcome;
  /** YAML, as are the others. */
  object: string;
  old: string | undefined;
  settings: string | undefined;
  user: string | undefined;
}

/** Every line once, and the examples of each page as positions in that table. */
export interface Packed {
  lines: string[];
  pages: [code: string, cases: PackedCase[]][];
}

/** Outcome, heading, object, and where there are any old, settings and user. */
type PackedCase = [outcome: number, heading: string, ...texts: (number[] | 0)[]];

/** Expects the examples of a page one after the other. */
export function pack(examples: Example[]): Packed {
  const places = new Map<string, number>();
  const place = (line: string) => {
    const known = places.get(line) ?? places.size;
    places.set(line, known);
    return known;
  };
  const placesOf = (text: string | undefined) => (text === undefined ? 0 : text.split('\n').map(place));
  const pages: Packed['pages'] = [];
  for (const { code, heading, outcome, object, old, settings, user } of examples) {
    if (pages.at(-1)?.[0] !== code) pages.push([code, []]);
    const texts = [object, old, settings, user].map(placesOf);
    while (texts.at(-1) === 0) texts.pop();
    pages.at(-1)?.[1].push([OUTCOMES.indexOf(outcome), heading, ...texts]);
  }
  return { lines: [...places.keys()], pages };
}

export function unpack({ lines, pages }: Packed): Example[] {
  const textOf = (places: number[] | 0 | undefined) =>
    (places ? places.map((place) => lines[place]).join('\n') : undefined);
  return pages.flatMap(([code, cases]) =>
    cases.map(([outcome, heading, object, old, settings, user], index) => ({
      code,
      index,
      heading,
      outcome: OUTCOMES[outcome] ?? 'accepted',
      object: textOf(object) ?? '',
      old: textOf(old),
      settings: textOf(settings),
      user: textOf(user),
    })));
}

const OUTCOMES: readonly Outcome[] = ['refused', 'warned', 'accepted'];
