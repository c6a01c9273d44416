/**
 * Typing over a selection. The browser would keep the style of the replaced text in a `style`
 * attribute, which the security policy refuses with a report, so the editor inserts the text itself.
 */

import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';

export function typing(): Extension {
  return EditorView.domEventHandlers({
    beforeinput(event, view) {
      const { data, inputType, isComposing } = event;
      const isReplacing = !view.state.selection.main.empty;
      if (inputType !== 'insertText' || data === null || isComposing || !isReplacing) return false;
      event.preventDefault();
      view.dispatch(view.state.replaceSelection(data), { userEvent: 'input.type', scrollIntoView: true });
      return true;
    },
  });
}
