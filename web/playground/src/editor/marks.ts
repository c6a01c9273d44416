/** Findings in an editor: underlined, in the gutter, and as a tooltip. */

import { RangeSet, StateEffect, StateField, type EditorState, type Extension } from '@codemirror/state';
import { Decoration, EditorView, gutter, GutterMarker, hoverTooltip, type DecorationSet } from '@codemirror/view';
import type { Mark } from '../mark.ts';

/** Replaces all marks. */
export const setMarks = StateEffect.define<readonly Mark[]>();

export function marks(): Extension {
  return [
    field,
    gutter({ class: 'cm-findings', markers: (view) => gutterMarkers(view.state), initialSpacer: () => GUTTER.warn }),
    hoverTooltip((view, position) => {
      const texts: string[] = [];
      view.state.field(field).between(position, position, (_from, _to, { spec }) => {
        texts.push((spec as { text: string }).text);
      });
      return texts.length === 0 ? null : { pos: position, above: true, create: () => ({ dom: tooltip(texts) }) };
    }),
  ];
}

const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, transaction) {
    let next = shown.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) next = decorations(effect.value, transaction.state.doc.length);
    }
    return next;
  },
  provide: (self) => EditorView.decorations.from(self),
});

function decorations(all: readonly Mark[], length: number): DecorationSet {
  const ranges = all
    .filter(({ from, to }) => from < to && to <= length)
    .map(({ from, to, severity, text }) => Decoration.mark({ class: `cm-finding-${severity}`, severity, text }).range(from, to));
  return Decoration.set(ranges, true);
}

class SeverityMarker extends GutterMarker {
  constructor(readonly severity: Mark['severity']) {
    super();
  }

  override toDOM(): HTMLElement {
    const dot = document.createElement('span');
    dot.className = `cm-dot cm-dot-${this.severity}`;
    dot.textContent = SIGNS[this.severity];
    return dot;
  }
}

const SIGNS = { deny: '✕', warn: '!', note: 'i' };
const GUTTER = { deny: new SeverityMarker('deny'), warn: new SeverityMarker('warn'), note: new SeverityMarker('note') };

/** One marker a line, of the highest severity. */
function gutterMarkers(state: EditorState): RangeSet<GutterMarker> {
  const lines = new Map<number, SeverityMarker>();
  for (const cursor = state.field(field).iter(); cursor.value; cursor.next()) {
    const line = state.doc.lineAt(cursor.from).from;
    const { severity } = cursor.value.spec as { severity: Mark['severity'] };
    const known = lines.get(line);
    if (!known || RANKS.indexOf(severity) < RANKS.indexOf(known.severity)) lines.set(line, GUTTER[severity]);
  }
  return RangeSet.of([...lines].map(([line, marker]) => marker.range(line)), true);
}

/** The highest severity first. */
const RANKS: readonly Mark['severity'][] = ['deny', 'warn', 'note'];

function tooltip(texts: string[]): HTMLElement {
  const box = document.createElement('div');
  box.className = 'cm-finding-text';
  for (const text of new Set(texts)) {
    const line = document.createElement('p');
    line.textContent = text;
    box.append(line);
  }
  return box;
}
