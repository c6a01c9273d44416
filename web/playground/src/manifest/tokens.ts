/** The tokens of a document, as deep as what is made of them can follow. */

import { Lexer, Parser, type CST } from 'yaml';
import { Unreadable } from './fields.ts';

/**
 * Throws `Unreadable` where the text is nested more deeply. Composing calls itself for each level: it
 * would end with an exhausted stack, at which V8 may end the whole program.
 */
export function* tokens(text: string): Generator<CST.Token, void> {
  const parser = new Parser();
  let at = 0;
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > DEEPEST) {
      throw new Unreadable(`a manifest must be at most ${DEEPEST} levels deep`, { from: at, to: at + lexeme.length });
    }
    at = parser.offset;
  }
  yield* parser.end();
}

/** The policy's own limit is 128, the worker's stack ends at about 800. */
const DEEPEST = 400;
