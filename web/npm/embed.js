// Writes the module as a script, for bundles: dist/policy_bg.wasm -> dist/policy_text.js.

import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';

const dist = new URL('./dist/', import.meta.url);
const module = readFileSync(new URL('policy_bg.wasm', dist));
const text = brotliCompressSync(module).toString('base64');
writeFileSync(new URL('policy_text.js', dist), `export const compressedModule = '${text}';\n`);
writeFileSync(new URL('policy_text.d.ts', dist), 'export declare const compressedModule: string;\n');
