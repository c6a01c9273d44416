// A module that is part of the script: no bundler for Node copies a file beside it.

import { brotliDecompressSync } from 'node:zlib';

/** `text` is the module, compressed, in base64. */
export function unpacked(text: string): Uint8Array<ArrayBuffer> {
  return brotliDecompressSync(Buffer.from(text, 'base64'));
}
