// Manifests as text: reviewed, with places and edits, and redacted. Offsets count UTF-16 code units.

import { createEngine } from './engine.js';
import * as door from './text.js';
import type { UserInfo } from './types.js';
import type { RedactedText, TextAnswer } from './text-types.js';
import { escaped, toJson, toTime } from './values.js';

const { start, call } = createEngine(door);
export { start };

export type { UserInfo } from './types.js';
export type * from './text-types.js';

export interface TextOptions {
  /** YAML or JSON: the policy's settings, or the ClusterAdmissionPolicy that has them. */
  settings?: string;
  /** The stored objects that the text updates. Without them every object is created. */
  old?: string | undefined;
  /** The user who asks. */
  user?: UserInfo | null | undefined;
  /** A `Date` or a time in RFC 3339; the current time without it. */
  now?: Date | string;
}

/** Reviews every object of a text: YAML or JSON, as kubectl reads it. */
export function reviewText(text: string, options: TextOptions = {}): TextAnswer {
  const { settings = '', old, now = new Date() } = options;
  const time = toTime(now);
  const user = options.user ? escaped(toJson(options.user, 'the user')) : 'null';
  const texts = { 'the text': text, settings, now: time, 'the user': user, ...(old !== undefined && { 'the old text': old }) };
  return JSON.parse(call(texts, () => door.reviewText(text, settings, old, user, time))) as TextAnswer;
}

/** Takes secrets and comments out of a text, ready to be printed or shared. */
export function redactText(text: string): RedactedText {
  return JSON.parse(call({ 'the text': text }, () => door.redactText(text))) as RedactedText;
}
