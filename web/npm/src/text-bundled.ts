// The entry 'text' in a bundle for Node.

import { unpacked } from './embedded.js';
import { start } from './review-text.js';
import { compressedModule } from './text_embedded.js';

start(unpacked(compressedModule));

export { redactText, reviewText } from './review-text.js';
export type * from './review-text.js';
