// The package as it is published: packed, and installed into an empty project.

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Packed {
  /** The path of the archive. */
  archive: string;
  /** In bytes. */
  size: number;
  unpackedSize: number;
  files: string[];
}

export const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));

export async function pack(folder: string): Promise<Packed> {
  const { stdout } = await npm(PACKAGE, 'pack', '--json', '--pack-destination', folder);
  const answer = JSON.parse(stdout) as Record<string, PackAnswer> | PackAnswer[];
  const [packed] = Object.values(answer) as PackAnswer[];
  if (!packed) {
    throw new Error(`npm pack says nothing of a package: ${stdout}`);
  }
  const files = packed.files.map(({ path }) => path).sort();
  return { ...packed, files, archive: join(folder, packed.filename) };
}

/** An empty project, with the archive as its only dependency. */
export async function install(archive: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await npm(folder, 'install', '--offline', '--no-audit', '--no-fund', archive);
}

/** The output of a script of a project. */
export async function node(folder: string, ...options: string[]): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, options, { cwd: folder });
  if (stderr !== '') {
    throw new Error(`${options.join(" ")}: ${stderr}`);
  }
  return stdout;
}

/** The folder that a page can be served from: the project, with the package unpacked in it. */
export function withPage(folder: string, page: string, files: Record<string, string>): string {
  const copy = join(folder, page);
  cpSync(join(folder, 'node_modules'), join(copy, 'node_modules'), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(copy, name), text);
  }
  return copy;
}

interface PackAnswer {
  filename: string;
  size: number;
  unpackedSize: number;
  files: { path: string }[];
}

async function npm(cwd: string, ...options: string[]): Promise<{ stdout: string }> {
  return run('npm', options, { cwd, shell: process.platform === 'win32' });
}
