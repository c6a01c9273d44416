import { describe, expect, test } from 'vitest';
import { html } from '../build/reference/html.ts';
import { paragraphs, spans } from '../build/reference/markdown.ts';

test('whatever is put into HTML is escaped, unless it is HTML', () => {
  const hostile = `<img src=x onerror="alert('1')">&`;
  const escaped = '&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;&#38;';
  expect(html`<p title="${hostile}">${[hostile, html`<b>${hostile}</b>`]}${undefined}${false}${0}</p>`.text)
    .toBe(`<p title="${escaped}">${escaped}<b>${escaped}</b>0</p>`);
});

describe('Markdown', () => {
  const text = (parts: { text: string }[]) => parts.map((part) => part.text).join('');

  test('paragraphs and code are shown, and what is in them is escaped', () => {
    expect(text(paragraphs('One `a\n--b<c`\n<two>.\n\n\nThree.')))
      .toBe('<p>One <code>a --b&#60;c</code> &#60;two&#62;.</p>\n<p>Three.</p>\n');
    expect(text(paragraphs(''))).toBe('');
  });

  test.each([
    ['list', 'One:\n\n- two', "- two"],
    ['numbered list', '1. one', '1. one'],
    ['table', '| a | b |', '| a | b |'],
    ['quotation', '> said', '> said'],
    ['fence', '```yaml', '```yaml'],
    ['link', 'see [a](b)', '[a](b)'],
    ['emphasis', 'a **b**', '**b**'],
  ])('a %s is refused and not shown as text', (_name, markdown, line) => {
    expect(() => paragraphs(markdown))
      .toThrow(new Error(`only paragraphs and \`code\` are shown, and this is neither: '${line}'`));
  });

  test('a code span must be closed', () => {
    expect(() => spans('a `b')).toThrow(new Error("a code span is not closed: 'a `b'"));
  });
});
