import type { Range, TextEdit } from 'skupper-access-policy/text';

/** A finding, an error or a note at a place of a text. */
export interface Mark extends Range {
  severity: 'deny' | 'warn' | 'note';
  text: string;
  /** The code of the rule that it is from. */
  code?: string;
  /** The edit of a finding's fix. */
  fix?: Fix;
}

export interface Fix extends TextEdit {
  /** The new value, as the user sees it. */
  shown: string;
}
