// The package in a browser, as it is or bundled: ready when imported.

import { fetched } from './fetched.js';
import { start } from './json.js';
import { version as versionOfPolicy } from './policy.js';

start(await fetched(new URL('./policy_bg.wasm', import.meta.url)));

export * from './index.js';

/** The version of the policy. */
export const version: string = versionOfPolicy();
