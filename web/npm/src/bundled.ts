// The package in a bundle for Node.

import { unpacked } from './embedded.js';
import { start } from './json.js';
import { version as versionOfPolicy } from './policy.js';
import { compressedModule } from './policy_embedded.js';

start(unpacked(compressedModule));

export * from './index.js';

/** The version of the policy. */
export const version: string = versionOfPolicy();
