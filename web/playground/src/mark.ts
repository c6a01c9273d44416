import type { Range, TextEdit } from 'skupper-access-policy/text';

/** Something to say about a place of a text. */
export interface Mark extends Range {
  severity: 'deny' | 'warn' | 'note';
  text: string;
  /** The rule, where it is one. */
  code?: string;
  /** The edit of a finding's fix. */
  fix?: Fix;
}

export interface Fix extends TextEdit {
  /** The new value, as the user sees it. */
  shown: string;
}
