/** A server of static files on loopback, for the tests. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { securityPolicy } from '../../build/security-policy.ts';

export interface Server {
  /** `http://127.0.0.1:PORT` and the prefix. */
  readonly address: string;
  close(): Promise<void>;
}

/** Serves the files of `folder` below `prefix`. Port 0 is any that is free. */
export function serveFolder(folder: string, { prefix = '/', port = 0 } = {}): Promise<Server> {
  const server = createServer((request, response) => {
    const path = pathOf(request.url ?? '/', prefix);
    if (path === undefined) notFound(response);
    else void send(join(folder, path), response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => {
      const bound = server.address();
      const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
      resolve({
        address: `http://${HOST}:${boundPort}${prefix}`,
        close: () => new Promise((done) => {
          server.close(() => { done(); });
          server.closeAllConnections();
        }),
      });
    });
  });
}

/** The path of a file, which cannot lead out of the folder. */
function pathOf(url: string, prefix: string): string | undefined {
  const [path = ''] = url.split(/[?#]/);
  if (!path.startsWith(prefix)) return undefined;
  try {
    const file = normalize(`/${decodeURIComponent(path.slice(prefix.length))}`);
    return file.endsWith('/') ? `${file}index.html` : file;
  } catch {
    return undefined;
  }
}

async function send(file: string, response: ServerResponse): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    notFound(response);
    return;
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'content-length': found.size,
    'cache-control': 'no-cache',
    'content-security-policy': securityPolicy(),
  });
  createReadStream(file).on('error', () => response.destroy()).pipe(response);
}

function notFound(response: ServerResponse) {
  response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
}

const HOST = '127.0.0.1';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};
