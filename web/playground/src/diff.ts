/**
 * The difference of two texts, line by line. Myers' greedy algorithm: the time grows with the number of
 * differences.
 */

/** A line, or a number of equal lines that are left out. */
export type Row =
  | { kind: 'same' | 'gone' | 'new'; text: string }
  | { kind: 'gap'; count: number };

/** Differences with three lines of context. Empty where the texts are equal. */
export function diff(before: string, after: string): Row[] {
  return folded(compare(lines(before), lines(after)));
}

type Line = Exclude<Row, { kind: 'gap' }>;

function compare(before: string[], after: string[]): Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return [
    ...before.slice(0, start).map(line('same')),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(line('same')),
  ];
}

function middle(before: string[], after: string[]): Line[] {
  const trace: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let distance = 0; distance <= MOST_DIFFERENCES; distance += 1) {
    trace.push(reach);
    reach = new Map(reach);
    for (let diagonal = -distance; diagonal <= distance; diagonal += 2) {
      let x = stepFrom(reach, diagonal, distance).x;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1;
      reach.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return backtrack(trace, before, after);
    }
  }
  return [...before.map(line('gone')), ...after.map(line('new'))];
}

function backtrack(trace: Map<number, number>[], before: string[], after: string[]): Line[] {
  const found: Line[] = [];
  let x = before.length;
  let y = after.length;
  for (let distance = trace.length - 1; distance >= 0; distance -= 1) {
    const from = stepFrom(trace[distance] ?? new Map(), x - y, distance);
    const fromY = from.start - from.diagonal;
    while (x > from.x && y > from.x - (x - y)) {
      found.push({ kind: 'same', text: before[x - 1] ?? '' });
      x -= 1;
      y -= 1;
    }
    if (distance === 0) break;
    found.push(x > from.start ? { kind: 'gone', text: before[x - 1] ?? '' } : { kind: 'new', text: after[y - 1] ?? '' });
    x = from.start;
    y = fromY;
  }
  return found.toReversed();
}

/** Down from the diagonal above, or right from the one below, whichever got further. */
function stepFrom(reach: Map<number, number>, diagonal: number, distance: number) {
  const above = reach.get(diagonal + 1) ?? -1;
  const below = reach.get(diagonal - 1) ?? -1;
  const isDown = diagonal === -distance || (diagonal !== distance && below < above);
  return isDown
    ? { x: above, start: above, diagonal: diagonal + 1 }
    : { x: below + 1, start: below, diagonal: diagonal - 1 };
}

function folded(all: Line[]): Row[] {
  const near = new Set<number>();
  all.forEach(({ kind }, index) => {
    if (kind === 'same') return;
    for (let at = index - CONTEXT; at <= index + CONTEXT; at += 1) near.add(at);
  });
  if (near.size === 0) return [];
  const rows: Row[] = [];
  let hidden: Line[] = [];
  const flush = () => {
    rows.push(...(hidden.length > SHORTEST_GAP ? [{ kind: 'gap' as const, count: hidden.length }] : hidden));
    hidden = [];
  };
  all.forEach((each, index) => {
    if (!near.has(index)) {
      hidden.push(each);
      return;
    }
    flush();
    rows.push(each);
  });
  flush();
  return rows;
}

function lines(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

function line(kind: Line['kind']): (text: string) => Line {
  return (text) => ({ kind, text });
}

const CONTEXT = 3;
/** Shorter gaps are shown in full. */
const SHORTEST_GAP = 5;
/** With more, the whole text is shown as replaced. */
const MOST_DIFFERENCES = 200;
