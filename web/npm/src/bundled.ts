// The package in a bundle for Node. No bundler copies a file beside such a script, so the module is a
// part of it.

import { brotliDecompressSync } from 'node:zlib';

import { start } from './engine.js';
import { version as versionOfEngine } from './policy.js';
import { compressedModule } from './policy_text.js';

start(brotliDecompressSync(Buffer.from(compressedModule, 'base64')));

export * from './index.js';

/** The version of the policy. */
export const version: string = versionOfEngine();
