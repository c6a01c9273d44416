/**
 * The documents of a stream as kubectl cuts them, line by line, before it reads any YAML.
 *
 * Source: k8s.io/apimachinery pkg/util/yaml, YAMLReader.
 */

/** A part of the text, from its first line to the next separator. */
export interface Chunk {
  /** Offset of its first character in the text. */
  from: number;
  text: string;
  /** What follows `---` on the line that ends it where nothing may: kubectl ends with an error. */
  strayAfter?: Stray;
}

/** Text after `---`. */
export interface Stray {
  from: number;
  to: number;
}

/** Every part with anything in it. */
export function chunks(text: string): Chunk[] {
  const found: Chunk[] = [];
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  const close = (end: number, strayAfter?: Stray) => {
    const chunk: Chunk = { from: start, text: text.slice(start, end) };
    if (strayAfter) chunk.strayAfter = strayAfter;
    if (chunk.text.trim() !== '' || strayAfter) found.push(chunk);
  };
  for (let line = start; line < text.length;) {
    const next = afterLine(text, line);
    if (text.startsWith(SEPARATOR, line)) {
      close(line, stray(text, line + SEPARATOR.length, next));
      start = next;
    }
    line = next;
  }
  close(text.length);
  return found;
}

function stray(text: string, from: number, to: number): Stray | undefined {
  const rest = text.slice(from, to);
  const content = rest.trim();
  if (content === '' || content.startsWith('#')) return undefined;
  const begin = from + rest.indexOf(content);
  return { from: begin, to: begin + content.length };
}

function afterLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end + 1;
}

const SEPARATOR = '---';
