/** A YAML editor in a shadow root, where its styles need no exception of the security policy. */

import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { indentUnit } from '@codemirror/language';
import { Compartment, EditorState } from '@codemirror/state';
import {
  drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers,
} from '@codemirror/view';
import type { Range, TextEdit } from 'skupper-access-policy/text';
import { look } from './editor/look.ts';
import { marks, setMarks } from './editor/marks.ts';
import { typing } from './editor/typing.ts';
import type { Mark } from './mark.ts';

export interface Editor {
  text(): string;
  /** Replaces the whole text. Undo restores the old one. */
  setText(text: string): void;
  /** Marks that belong to the current text. */
  setMarks(marks: readonly Mark[]): void;
  /** Selects a range, shows it, and moves the focus there. */
  select(range: Range): void;
  apply(edit: TextEdit): void;
  /** 1-based. */
  lineOf(offset: number): number;
}

export interface EditorOptions {
  host: HTMLElement;
  /** Names the editor for screen readers. */
  label: string;
  onChange: () => void;
}

export function createEditor({ host, label, onChange }: EditorOptions): Editor {
  const root = host.attachShadow({ mode: 'open' });
  const colours = new Compartment();
  let isColoured = false;
  /** Highlighting a long text would slow down every keystroke. */
  const colour = (length: number) => {
    if (isColoured === length < MOST_COLOURED) return;
    isColoured = !isColoured;
    view.dispatch({ effects: colours.reconfigure(isColoured ? yaml() : []) });
  };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      extensions: [
        lineNumbers(),
        marks(),
        typing(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        colours.of([]),
        indentUnit.of('  '),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocapitalize: 'off' }),
        keymap.of([
          ...defaultKeymap,
          ...historyKeymap,
          // Escape, then Tab leaves the editor: CodeMirror's own rule.
          { key: 'Tab', run: indentMore, shift: indentLess },
        ]),
        look(),
        EditorView.updateListener.of(({ docChanged, state }) => {
          if (!docChanged) return;
          colour(state.doc.length);
          onChange();
        }),
      ],
    }),
  });
  colour(0);
  return {
    text: () => view.state.doc.toString(),
    setText: (text) => view.dispatch({
      changes: { from: 0, to: view.state.doc.length, insert: text },
      selection: { anchor: 0 },
      scrollIntoView: true,
    }),
    setMarks: (all) => view.dispatch({ effects: setMarks.of(all) }),
    select: ({ from, to }) => {
      view.dispatch({
        selection: { anchor: from, head: to },
        effects: EditorView.scrollIntoView(from, { y: 'center' }),
      });
      view.focus();
    },
    apply: ({ from, to, insert }) => {
      view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: 'input' });
      view.focus();
    },
    lineOf: (offset) => view.state.doc.lineAt(Math.min(offset, view.state.doc.length)).number,
  };
}

/** In UTF-16 code units. */
const MOST_COLOURED = 128 * 1024;
