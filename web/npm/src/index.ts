// The policy with JavaScript values in and out.

import { json } from './json.js';
import type { Answer, Change, Rule, SettingsAnswer } from './types.js';
import { toJson, toTime } from './values.js';

export { json } from './json.js';
export type { JsonDoor } from './json.js';
export type * from './types.js';

/** Reviews an AdmissionRequest: the `request` of an AdmissionReview. */
export function review(request: object, settings?: object | null, now: Date | string = new Date()): Answer {
  const answer = json.review(toJson(request, 'the request'), settingsText(settings), toTime(now));
  return JSON.parse(answer) as Answer;
}

/**
 * Reviews an object as it is created, or, with an old one, updated.
 *
 * Integers above 2^53 have already lost precision: `json.reviewObject` takes text.
 */
export function reviewObject(change: Change, settings?: object | null, now: Date | string = new Date()): Answer {
  if (change?.object === undefined) {
    throw new Error("the object must be given: reviewObject({ object }, settings)");
  }
  const answer = json.reviewObject(toJson(change, 'the object'), settingsText(settings), toTime(now));
  return JSON.parse(answer) as Answer;
}

/** Checks settings and names every problem. */
export function checkSettings(settings?: object | null): SettingsAnswer {
  return JSON.parse(json.checkSettings(settingsText(settings))) as SettingsAnswer;
}

/** Every rule, in the order in which findings are reported. */
export function rules(): Rule[] {
  return JSON.parse(json.rules()) as Rule[];
}

/** A copy of an object in which every secret is `***`, ready to be printed or shared. */
export function redact<T extends object>(object: T): T {
  return JSON.parse(json.redact(toJson(object, 'the object'))) as T;
}

function settingsText(settings: object | null | undefined): string {
  return toJson(settings ?? null, 'settings');
}
