/** The parser, kept from what would take it minutes. */

import { Composer, type Document } from 'yaml';
import { tokens } from './tokens.ts';

/**
 * The first document of a text: kubectl drops what the same part holds behind it. Throws
 * `Unreadable` where it is nested too deeply.
 */
export function parse(text: string): Document | undefined {
  const composer = new Composer({
    version: '1.1', schema: 'failsafe', merge: false, uniqueKeys: false,
    strict: false, keepSourceTokens: true, prettyErrors: false, logLevel: 'silent',
  });
  // A text may have a million errors, and a stack trace costs more than all the rest.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    for (const document of composer.compose(tokens(text), false, text.length)) return document;
    return undefined;
  } finally {
    Error.stackTraceLimit = limit;
  }
}
