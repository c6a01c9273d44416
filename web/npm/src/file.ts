// A module that Node reads from beside the script.

import { readFileSync } from 'node:fs';

/** `script` is the address of the caller, which a bundle may not have. */
export function readModule(file: string, script: string): Uint8Array<ArrayBuffer> {
  try {
    return readFileSync(new URL(file, script));
  } catch (cause) {
    throw new Error(
      `cannot read ${file} beside the script: let the bundler take the export condition 'module', with which the module becomes part of the script, or leave the package out of the bundle`,
      { cause },
    );
  }
}
