import { defineConfig } from 'vitest/config';
import { examples } from './build/examples.ts';
import { reference } from './build/reference.ts';
import { securityPolicy } from './build/security-policy.ts';

export default defineConfig({
  // Relative, so that it can be served from any folder.
  base: './',
  plugins: [examples(), reference()],
  build: { target: 'es2022', modulePreload: { polyfill: false }, cssTarget: ['chrome123', 'firefox120', 'safari17.5'] },
  worker: { format: 'es' },
  preview: {
    host: '127.0.0.1',
    strictPort: true,
    headers: { 'Content-Security-Policy': securityPolicy() },
  },
  test: {
    projects: [
      { extends: true, test: { name: 'units', include: ['test/*.test.ts', 'test/units/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          // Each file starts a Chromium.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: 'bench', include: ['bench/*.bench.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
      },
    ],
  },
});
