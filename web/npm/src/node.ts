// The package in Node: ready when imported, and `require` may import it, for nothing is awaited.

import { readFileSync } from 'node:fs';

import { start } from './engine.js';
import { version as versionOfEngine } from './policy.js';

start(readModule());

export * from './index.js';

/** The version of the policy. */
export const version: string = versionOfEngine();

function readModule(): Uint8Array {
  try {
    return readFileSync(new URL('./policy_bg.wasm', import.meta.url));
  } catch (cause) {
    throw new Error(
      "cannot read policy_bg.wasm beside the script: let the bundler take the export condition 'module', with which the module becomes part of the script, or leave the package out of the bundle",
      { cause },
    );
  }
}
