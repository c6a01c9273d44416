// The package in Node: ready when imported, and `require` may import it, for nothing is awaited.

import { readFileSync } from 'node:fs';

import { start } from './engine.js';
import { version as versionOfEngine } from './policy.js';

start(readFileSync(new URL('./policy_bg.wasm', import.meta.url)));

export * from './index.js';

/** The version of the policy. */
export const version: string = versionOfEngine();
