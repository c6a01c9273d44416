import type { Edit } from './edit.ts';
import type { Range } from './manifest.ts';

/** Something to say about a place of a text. */
export interface Mark extends Range {
  severity: 'deny' | 'warn';
  text: string;
  /** The rule, where it is one. */
  code?: string;
  fix?: Fix;
}

/** An edit that follows a finding's fix. */
export interface Fix extends Edit {
  /** What is written, as the user sees it. */
  shown: string;
}
