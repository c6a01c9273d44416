/** The parser, kept from what would take it minutes or gigabytes. */

import { Composer, Lexer, Parser, type Document } from 'yaml';
import { Unreadable } from './fields.ts';

/**
 * The first document of a text: kubectl drops what the same part holds behind it. Throws
 * `Unreadable` where it is nested too deeply.
 */
export function parse(text: string): Document | undefined {
  if (text.length > SMALL) checkDepth(text);
  const composer = new Composer({
    version: '1.1', schema: 'failsafe', merge: false, uniqueKeys: false,
    strict: false, keepSourceTokens: true, prettyErrors: false, logLevel: 'silent',
  });
  // A text may have a million errors, and a stack trace costs more than all the rest.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    for (const document of composer.compose(new Parser().parse(text), false, text.length)) return document;
    return undefined;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** Counts brackets, and the signs of lists and keys that follow each other in a line. */
function checkDepth(text: string): void {
  let at = 0;
  let brackets = 0;
  let signs = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') brackets += 1;
    else if (token === ']' || token === '}') brackets -= 1;
    else if (token === '-' || token === '?' || token === ':') signs += 1;
    else if (token.trim() !== '') signs = 0;
    if (brackets > DEEPEST || signs > DEEPEST) {
      throw new Unreadable(`a manifest must be at most ${DEEPEST} levels deep`, { from: at, to: at + 1 });
    }
    if (!CONTROLS.includes(token)) at += token.length;
  }
}

/** What the lexer says between the parts of a text: document, flow error, scalar. */
export const CONTROLS = ['\x02', '\x18', '\x1F'];

/** In UTF-16 code units. The parser copes with whatever is nested in less. */
const SMALL = 16 * 1024;
/** Deeper JSON is refused by the policy. */
const DEEPEST = 1000;
