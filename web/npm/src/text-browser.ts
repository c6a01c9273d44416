// The entry 'text' in a browser, as it is or bundled: ready when imported.

import { fetched } from './fetched.js';
import { start } from './review-text.js';

start(await fetched(new URL('./text_bg.wasm', import.meta.url)));

export { redactText, reviewText } from './review-text.js';
export type * from './review-text.js';
