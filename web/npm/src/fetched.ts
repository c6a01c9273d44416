// A module that a browser loads from beside the script.

export async function fetched(address: URL): Promise<WebAssembly.Module> {
  const response = await fetch(address);
  if (!response.ok) {
    throw new Error(
      `cannot load ${address}: status ${response.status}: serve it beside the script, or let the bundler copy it`,
    );
  }
  try {
    // Servers that do not know the type are common; streaming demands it.
    return response.headers.get('content-type') === 'application/wasm'
      ? await WebAssembly.compileStreaming(response)
      : await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    throw new Error(
      `cannot compile ${address}: it must be the file of this package, which a bundler must copy, and a Content-Security-Policy must allow 'wasm-unsafe-eval'`,
      { cause },
    );
  }
}
