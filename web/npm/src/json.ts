// The policy with JSON text in and out: no number loses precision on the way.

import { call } from './engine.js';
import * as policy from './policy.js';

export interface JsonDoor {
  /** Reviews an AdmissionRequest. `now` is a time in RFC 3339; without it, the current one. */
  review(request: string, settings?: string, now?: string): string;
  /** Reviews `{"object": ..., "oldObject": ..., "userInfo": ...}`. */
  reviewObject(change: string, settings?: string, now?: string): string;
  /** What is wrong with settings. */
  checkSettings(settings: string): string;
  /** Every rule. */
  rules(): string;
  /** A copy of an object in which every secret is `***`. */
  redact(object: string): string;
}

export const json: JsonDoor = {
  review: (request, settings = '', now = currentTime()) =>
    call(policy.review, ['the request', 'settings', 'now'], escaped(request), escaped(settings), now),
  reviewObject: (change, settings = '', now = currentTime()) =>
    call(policy.reviewObject, ['the change', 'settings', 'now'], escaped(change), escaped(settings), now),
  checkSettings: (settings) => call(policy.checkSettings, ['settings'], escaped(settings)),
  rules: () => call(policy.rules, []),
  redact: (object) => call(policy.redact, ['the object'], escaped(object)),
};

function currentTime(): string {
  return new Date().toISOString();
}

/**
 * Half a surrogate pair, as `JSON.stringify` writes it: UTF-8 has no bytes for one, and what stands
 * there must be refused as the API server refuses it, not silently become another character.
 */
function escaped(text: string): string {
  return typeof text === 'string'
    ? text.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`)
    : text;
}
