// The library's answer to every question, as `cargo run --bin cases` prints it.

import { existsSync, readFileSync } from 'node:fs';

export interface Case {
  name: string;
  door: 'review' | 'reviewObject' | 'checkSettings';
  /** JSON text, as are `settings` and `answer`. */
  input: string;
  settings: string;
  now: string;
  answer: string;
}

export function readCases(): Case[] {
  const path = process.env['CASES'] ?? new URL('../../../../target/web/cases.jsonl', import.meta.url);
  if (!existsSync(path)) {
    throw new Error(`${path} is missing: run \`make web-tests\``);
  }
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Case);
}
