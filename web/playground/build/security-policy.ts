/**
 * The Content-Security-Policy of the page, for servers: a worker has no policy but that of a header.
 */

import { readFileSync } from 'node:fs';

/** As `index.html` says it. */
export function securityPolicy(): string {
  const page = readFileSync(new URL('../index.html', import.meta.url), 'utf8');
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1];
  if (policy === undefined) throw new Error('index.html has no Content-Security-Policy');
  return policy;
}
