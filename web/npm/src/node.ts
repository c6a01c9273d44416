// The package in Node: ready when imported. Nothing is awaited, so `require` works, too.

import { readModule } from './file.js';
import { start } from './json.js';
import { version as versionOfPolicy } from './policy.js';

start(readModule('policy_bg.wasm', import.meta.url));

export * from './index.js';

/** The version of the policy. */
export const version: string = versionOfPolicy();
