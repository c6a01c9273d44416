// Chromium and a server on loopback. Both end with the tests of the file.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { after } from 'node:test';
import { chromium, type Browser } from 'playwright-core';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

export async function startChromium(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  after(() => browser.close());
  return browser;
}

/** Serves a folder and returns its address. `types` says how a server calls the files. */
export async function serve(folder: string, headers: Record<string, string> = {}, types = TYPES): Promise<string> {
  const server = createServer((request, response) => {
    const path = join(folder, normalize(new URL(request.url ?? '/', 'http://localhost').pathname));
    if (!existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = types[extname(path)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, ...headers });
    createReadStream(path).pipe(response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The text in the `output` of a page, or the first error that it does not catch. */
export async function outputOf(browser: Browser, address: string): Promise<string> {
  const page = await browser.newPage();
  try {
    const failed = new Promise<string>((tell) => page.on('pageerror', ({ message }) => tell(message)));
    await page.goto(address);
    const shown = page.waitForFunction(() => document.querySelector('output')?.textContent, undefined, { timeout: 10_000 });
    return await Promise.race([shown.then((text) => text.jsonValue() as Promise<string>), failed]);
  } finally {
    await page.close();
  }
}
