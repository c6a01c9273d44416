import { expect, test } from 'vitest';
import { fragmentOf, readFragment } from '../src/share.ts';

test('what is shared is what is opened', async () => {
  const shared = { manifest: 'kind: AccessGrant # ä😀\n', old: '', settings: 'rules: {}\n', username: 'u', groups: 'a, b', now: '2026-05-01T12:00:00Z' };
  const fragment = await fragmentOf(shared);
  expect(fragment).toMatch(/^share=[\w-]+$/);
  expect(await readFragment(fragment)).toEqual(shared);
});

test('2 MiB of text are opened', async () => {
  const manifest = 'a'.repeat(2 * 1024 * 1024 - 100);
  expect((await readFragment(await fragmentOf({ manifest }))).manifest).toHaveLength(manifest.length);
});

test('a small link that inflates to a large text is not opened', async () => {
  const bomb = await inflatesTo(JSON.stringify({ manifest: ' '.repeat(64 * 1024 * 1024) }));
  expect(bomb.length).toBeLessThan(100_000);
  await expect(readFragment(bomb)).rejects.toThrow('more than 2 MiB');
});

test('what could not be opened again is not shared', async () => {
  await expect(fragmentOf({ manifest: 'a'.repeat(3 * 1024 * 1024) })).rejects.toThrow('too long for a link');
});

test('a long link is not even inflated', async () => {
  await expect(readFragment(`share=${'A'.repeat(3 * 1024 * 1024)}`)).rejects.toThrow('too long');
});

test.each([
  ['no base64', 'share=$$$'],
  ['nothing', 'share='],
  ['not deflated', 'share=AAAA'],
  ['cut off', async () => (await fragmentOf({ manifest: 'x'.repeat(1000) })).slice(0, -4)],
  ['no JSON', async () => inflatesTo('manifest')],
  ['no object', async () => inflatesTo('["manifest"]')],
  ['null', async () => inflatesTo('null')],
  ['a number for a text', async () => inflatesTo('{"manifest": 1}')],
])('a broken link says so: %s', async (_name, fragment) => {
  const text = typeof fragment === 'string' ? fragment : await fragment();
  await expect(readFragment(text)).rejects.toThrow('this link is broken');
});

test('what a link does not know is left out', async () => {
  expect(await readFragment(await inflatesTo('{"manifest": "a", "__proto__": {"x": 1}, "evil": "b"}'))).toEqual({ manifest: 'a' });
});

async function inflatesTo(text: string): Promise<string> {
  const deflated = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(deflated).arrayBuffer());
  return `share=${Buffer.from(bytes).toString('base64url')}`;
}
