// The TypeScript compiler, as a user of the package runs it.

import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const require = createRequire(import.meta.url);
const COMPILER = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');

/** Problems that the compiler finds in the project of this folder; empty where all is well. */
export async function problemsOf(folder: string, ...options: string[]): Promise<string> {
  try {
    await promisify(execFile)(process.execPath, [COMPILER, '--project', folder, '--noEmit', ...options]);
    return '';
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}` || String(error);
  }
}
