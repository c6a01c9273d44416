// The entry 'text' in Node: ready when imported. Nothing is awaited, so `require` works, too.

import { readModule } from './file.js';
import { start } from './review-text.js';

start(readModule('text_bg.wasm', import.meta.url));

export { redactText, reviewText } from './review-text.js';
export type * from './review-text.js';
