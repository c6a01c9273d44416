/** Style of an editor. Its colours are those of the page: custom properties reach into the shadow root. */

import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

export function look(): Extension {
  return [theme, syntaxHighlighting(colours)];
}

const theme = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'var(--panel)', color: 'var(--text)', fontSize: '0.875rem' },
  // The host shows the focus: here the gutter would cover a part of the outline.
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.6' },
  '.cm-content': { caretColor: 'var(--text)', padding: '0.5rem 0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--panel)', color: 'var(--muted)', border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { paddingLeft: '0.75rem' },
  '.cm-findings': { width: '1.4rem', textAlign: 'center' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--raised) 60%, transparent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--link) 28%, transparent)',
  },
  '.cm-finding-deny': { textDecoration: 'underline wavy var(--deny) 1.5px', textUnderlineOffset: '3px', textDecorationSkipInk: 'none' },
  '.cm-finding-warn': { textDecoration: 'underline wavy var(--warn) 1.5px', textUnderlineOffset: '3px', textDecorationSkipInk: 'none' },
  '.cm-finding-note': { textDecoration: 'underline dotted var(--muted) 1.5px', textUnderlineOffset: '3px' },
  '.cm-dot': { fontWeight: '700', fontSize: '0.75rem' },
  '.cm-dot-deny': { color: 'var(--deny)' },
  '.cm-dot-warn': { color: 'var(--warn)' },
  '.cm-dot-note': { color: 'var(--muted)' },
  '.cm-tooltip': { backgroundColor: 'var(--panel)', color: 'var(--text)', border: '1px solid var(--border)', borderRadius: '5px' },
  '.cm-finding-text': { maxWidth: 'min(34rem, 80vw)', padding: '0.4rem 0.7rem', fontFamily: 'var(--sans)' },
  '.cm-finding-text p': { margin: '0' },
  '.cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--text)', borderColor: 'var(--border)' },
  '.cm-searchMatch': { backgroundColor: 'var(--warn-back)' },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--syntax-key)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--syntax-text)' },
  { tag: [tags.lineComment, tags.comment], color: 'var(--muted)', fontStyle: 'italic' },
  { tag: [tags.labelName, tags.typeName, tags.meta], color: 'var(--syntax-mark)' },
]);
