// The package in a browser, as it is or bundled: ready when imported.

import { start } from './engine.js';
import { version as versionOfEngine } from './policy.js';

start(await load(new URL('./policy_bg.wasm', import.meta.url)));

export * from './index.js';

/** The version of the policy. */
export const version: string = versionOfEngine();

async function load(address: URL): Promise<WebAssembly.Module> {
  const response = await fetch(address);
  if (!response.ok) {
    throw new Error(
      `cannot load ${address}: status ${response.status}: serve policy_bg.wasm beside the script, or let the bundler copy it`,
    );
  }
  try {
    // Servers that do not know the type are common; streaming demands it.
    return response.headers.get('content-type') === 'application/wasm'
      ? await WebAssembly.compileStreaming(response)
      : await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    throw new Error(
      `cannot compile ${address}: it must be policy_bg.wasm of this package, which a bundler must copy, and a Content-Security-Policy must allow 'wasm-unsafe-eval'`,
      { cause },
    );
  }
}
