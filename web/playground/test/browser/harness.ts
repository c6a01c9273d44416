/**
 * The built playground in a real Chromium, served from a folder of a server on loopback.
 *
 * ```ts
 * const site = await openSite();
 * afterAll(() => site.close());
 *
 * test('the list opens', async () => {
 *   const visit = await site.visit('rules/index.html', { colorScheme: 'dark' });
 *   await visit.page.getByLabel('Search').fill('month');
 *   expect(visit.troubles()).toEqual([]);
 *   await visit.end();
 * });
 * ```
 *
 * It builds nothing (`make web` does), listens on 127.0.0.1 only, on any free port, and `close` ends
 * all that `openSite` started. With `SCREENSHOTS=folder` in the environment pictures are kept there.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { serveFolder } from './server.ts';

/** The built playground. */
export const DIST = join(import.meta.dirname, '../../dist');

export interface Site {
  /** The address of `dist`: `http://127.0.0.1:PORT/any/folder/`. */
  readonly address: string;
  /** Opens a page in a context of its own. `path` is relative to `dist` and may have a fragment. */
  visit(path: string, options?: BrowserContextOptions): Promise<Visit>;
  /** Ends browser and server. */
  close(): Promise<void>;
}

export interface Visit {
  readonly page: Page;
  /** The address of every request so far, those of `data:` and `blob:` not counted. */
  requests(): readonly string[];
  /**
   * Everything that a page must not do: violations of its Content-Security-Policy, errors and warnings in the
   * console, uncaught errors, answers from 400 on, requests to elsewhere.
   */
  troubles(): readonly string[];
  /** Findings of axe-core that are serious or critical: rule and element. */
  barriers(): Promise<string[]>;
  /** Keeps a picture of the whole page where the environment asks for it. */
  picture(name: string): Promise<void>;
  end(): Promise<void>;
}

/** Starts Chromium and a server for `dist`. */
export async function openSite(folder = DIST): Promise<Site> {
  if (!existsSync(join(folder, 'index.html'))) throw new Error(`${folder} is not built: run \`make web\``);
  const server = await serveFolder(folder, { prefix: PREFIX });
  const browser = await startChromium().catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  return {
    address: server.address,
    visit: (path, options) => visit(browser, server.address, path, options),
    close: async () => {
      await browser.close();
      await server.close();
    },
  };
}

/** Limit of every wait for a page, in milliseconds. */
export const MAX_WAIT = 10_000;

async function startChromium(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? DEBIAN_CHROMIUM;
  if (!existsSync(executablePath)) {
    throw new Error(`there is no ${executablePath}: install it with \`apt-get install chromium\`, or say where it is with CHROMIUM=PATH`);
  }
  // Each start has a user data folder of its own, which ends with it.
  return chromium.launch({ executablePath, args: ARGUMENTS, timeout: 3 * MAX_WAIT });
}

async function visit(browser: Browser, address: string, path: string, options?: BrowserContextOptions): Promise<Visit> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(MAX_WAIT);
  const requests: string[] = [];
  const troubles: string[] = [];
  await context.exposeFunction('reportViolation', (what: string) => { troubles.push(`policy: ${what}`); });
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const { reportViolation } = globalThis as unknown as { reportViolation: (what: string) => void };
      reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  const page = await context.newPage();
  page.on('request', (request) => {
    const url = request.url();
    if (/^(data|blob):/.test(url)) return;
    requests.push(url);
    if (!url.startsWith(address)) troubles.push(`request to elsewhere: ${url}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) troubles.push(`${response.status()}: ${response.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') troubles.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => { troubles.push(`uncaught: ${error.message}`); });
  await page.goto(new URL(path, address).href);
  return {
    page,
    requests: () => requests,
    troubles: () => troubles,
    barriers: () => barriers(page),
    picture: async (name) => {
      const folder = process.env['SCREENSHOTS'];
      if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
    },
    end: () => context.close(),
  };
}

async function barriers(page: Page): Promise<string[]> {
  // The page's policy refuses script elements, but not the debugger.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}

/** Shows that the playground does not depend on the folder that it is served from. */
const PREFIX = '/any/folder/';

const DEBIAN_CHROMIUM = '/usr/bin/chromium';

const ARGUMENTS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
