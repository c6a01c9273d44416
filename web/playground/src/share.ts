/**
 * Links that carry the page's texts in the fragment, which no browser sends to a server:
 * `#share=` and JSON, deflated, in base64url.
 */

/** The texts of a link; absent ones are left out. */
export interface Shared {
  manifest: string;
  old?: string;
  settings?: string;
  username?: string;
  groups?: string;
  now?: string;
}

/** The fragment, without `#`. Throws where the texts are too long for a link. */
export async function fragmentOf(shared: Shared): Promise<string> {
  const text = new Blob([JSON.stringify(shared)]);
  if (text.size > LONGEST) throw new Error('this is too long for a link, which may hold at most 2 MiB of text');
  const deflated = text.stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(deflated).arrayBuffer());
  return `${PREFIX}${base64url(bytes)}`;
}

export function isShared(fragment: string): boolean {
  return fragment.startsWith(PREFIX);
}

/** The texts of a link. Throws where it is broken, or holds more than anyone writes. */
export async function readFragment(fragment: string): Promise<Shared> {
  if (fragment.length > LONGEST) throw new Error('this link is too long: it may hold at most 2 MiB of text');
  const bytes = await inflated(fromBase64url(fragment.slice(PREFIX.length)));
  return checked(parsed(new TextDecoder().decode(bytes)));
}

/** A few kilobytes can inflate to gigabytes: reading ends where the limit is reached. */
async function inflated(deflated: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const reader = new Blob([deflated]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => broken());
    if (done) break;
    length += value.length;
    if (length > LONGEST) {
      await reader.cancel();
      throw new Error('this link holds more than 2 MiB of text: it is not opened');
    }
    parts.push(value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return broken();
  }
}

function checked(value: unknown): Shared {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return broken();
  const shared: Shared = { manifest: '' };
  for (const [name, text] of Object.entries(value)) {
    if (!isName(name)) continue;
    if (typeof text !== 'string') return broken();
    shared[name] = text;
  }
  return shared;
}

function isName(name: string): name is keyof Shared {
  return (NAMES as readonly string[]).includes(name);
}

function broken(): never {
  throw new Error('this link is broken: ask for it again');
}

function base64url(bytes: Uint8Array): string {
  let binary = '';
  // With more arguments the call would overflow the stack.
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    return broken();
  }
}

const PREFIX = 'share=';
/** In bytes, before and after inflating. */
const LONGEST = 2 * 1024 * 1024;
const NAMES = ['manifest', 'old', 'settings', 'username', 'groups', 'now'] as const;
