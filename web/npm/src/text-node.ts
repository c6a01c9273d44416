// The entry 'text' in Node: ready when imported, and `require` may import it, for nothing is awaited.

import { readModule } from './file.js';
import { start } from './review-text.js';

start(readModule('text_bg.wasm', import.meta.url));

export { redactText, reviewText } from './review-text.js';
export type * from './review-text.js';
