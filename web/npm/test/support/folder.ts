// A folder that is gone when the tests of a file are through.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'skupper-access-policy-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
