// The policy with JSON text in and out, so that no number loses precision.

import { createEngine } from './engine.js';
import * as policy from './policy.js';
import { escaped } from './values.js';

const { start, call } = createEngine(policy);
export { start };

export interface JsonDoor {
  /** Reviews an AdmissionRequest. `now` is a time in RFC 3339; without it, the current one. */
  review(request: string, settings?: string, now?: string): string;
  /** Reviews `{"object": ..., "oldObject": ..., "userInfo": ...}`. */
  reviewObject(change: string, settings?: string, now?: string): string;
  /** Checks settings and names every problem. */
  checkSettings(settings: string): string;
  /** Every rule. */
  rules(): string;
  /** A copy of an object in which every secret is `***`. */
  redact(object: string): string;
}

export const json: JsonDoor = {
  review: (request, settings = '', now = currentTime()) =>
    call({ 'the request': request, settings, now }, () => policy.review(escaped(request), escaped(settings), now)),
  reviewObject: (change, settings = '', now = currentTime()) =>
    call({ 'the change': change, settings, now }, () => policy.reviewObject(escaped(change), escaped(settings), now)),
  checkSettings: (settings) => call({ settings }, () => policy.checkSettings(escaped(settings))),
  rules: () => call({}, () => policy.rules()),
  redact: (object) => call({ 'the object': object }, () => policy.redact(escaped(object))),
};

function currentTime(): string {
  return new Date().toISOString();
}
