// Writes the modules as scripts, for bundles: dist/NAME_bg.wasm -> dist/NAME_embedded.js.

import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';

const dist = new URL('./dist/', import.meta.url);
for (const name of ['policy', 'text']) {
  const module = readFileSync(new URL(`${name}_bg.wasm`, dist));
  const text = brotliCompressSync(module).toString('base64');
  writeFileSync(new URL(`${name}_embedded.js`, dist), `export const compressedModule = '${text}';\n`);
  writeFileSync(new URL(`${name}_embedded.d.ts`, dist), 'export declare const compressedModule: string;\n');
}
