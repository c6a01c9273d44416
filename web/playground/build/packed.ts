/**
 * Examples in the form in which a browser loads them: certificates and most other lines repeat, so
 * each line is written once. A fourth of the size, and the same in transfer or a little less.
 */

import type { UserInfo } from 'skupper-access-policy';
import type { Outcome } from './rule-pages.ts';

/** A case of a rule page. */
export interface Example {
  /** The rule whose page it is from. */
  code: string;
  /** The first kind that the rule judges; empty where it judges any. */
  kind: string;
  /** Its position in the page, from 0. */
  index: number;
  /** Without the outcome: `days, which Go does not have`. */
  heading: string;
  outcome: Outcome;
  /** YAML, as are `old` and `settings`. */
  object: string;
  old: string | undefined;
  settings: string | undefined;
  user: UserInfo | undefined;
}

/** Every line once, and the examples of each page as positions in that table. */
export interface Packed {
  lines: string[];
  pages: [code: string, kind: string, cases: PackedCase[]][];
}

/** Outcome, heading, object, and where there are any old, settings and user. */
type PackedCase = [outcome: number, heading: string, object: Text, old?: Text, settings?: Text, user?: UserInfo];

/** Positions of lines; 0 for no text. */
type Text = number[] | 0;

/** Expects the examples of a page one after the other. */
export function pack(examples: Example[]): Packed {
  const places = new Map<string, number>();
  const place = (line: string) => {
    const known = places.get(line) ?? places.size;
    places.set(line, known);
    return known;
  };
  const placesOf = (text: string | undefined): Text => (text === undefined ? 0 : text.split('\n').map(place));
  const pages: Packed['pages'] = [];
  for (const { code, kind, heading, outcome, object, old, settings, user } of examples) {
    if (pages.at(-1)?.[0] !== code) pages.push([code, kind, []]);
    const packed: PackedCase = [OUTCOMES.indexOf(outcome), heading, placesOf(object), placesOf(old), placesOf(settings)];
    if (user) packed.push(user);
    while (packed.at(-1) === 0) packed.pop();
    pages.at(-1)?.[2].push(packed);
  }
  return { lines: [...places.keys()], pages };
}

export function unpack({ lines, pages }: Packed): Example[] {
  const textOf = (places: Text | undefined) =>
    (places ? places.map((place) => lines[place]).join('\n') : undefined);
  return pages.flatMap(([code, kind, cases]) =>
    cases.map(([outcome, heading, object, old, settings, user], index) => ({
      code,
      kind,
      index,
      heading,
      outcome: OUTCOMES[outcome] ?? 'accepted',
      object: textOf(object) ?? '',
      old: textOf(old),
      settings: textOf(settings),
      user,
    })));
}

const OUTCOMES: readonly Outcome[] = ['refused', 'warned', 'accepted'];
