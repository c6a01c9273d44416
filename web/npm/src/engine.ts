// The calls into the module: what goes in is bounded, what comes out is an answer or an `Error`.

import { __wbg_reset_state as startAfresh, initSync } from './policy.js';

/**
 * How long the texts of one call may be together, in UTF-16 code units. Kubernetes takes requests of
 * 3 MiB. JSON grows up to a hundredfold when it is read, and WebAssembly has 4 GiB.
 */
export const LONGEST_INPUT = 16 * 1024 * 1024;

export function start(module: WebAssembly.Module | BufferSource): void {
  initSync({ module });
}

/** Calls a function of the module. `names` say what the texts are, for errors. */
export function call<Texts extends string[], Result>(
  door: (...texts: Texts) => Result,
  names: readonly string[],
  ...texts: Texts
): Result {
  let length = 0;
  for (const [position, text] of texts.entries()) {
    if (typeof text !== 'string') {
      throw new Error(`${names[position]} must be a string, not ${typeof text}`);
    }
    length += text.length;
  }
  if (length > LONGEST_INPUT) {
    throw new Error(
      `the input is ${length} characters long: give at most ${LONGEST_INPUT}; Kubernetes takes 3 MiB`,
    );
  }
  try {
    if (isInterrupted) {
      startAfresh();
      isInterrupted = false;
    }
    return door(...texts);
  } catch (problem) {
    if (isOurs(problem)) {
      throw problem;
    }
    isInterrupted = true;
    throw new Error(INTERRUPTED, { cause: problem });
  }
}

/** What a trap or an exhausted stack leaves behind is not to be trusted: the next call starts afresh. */
let isInterrupted = false;

const INTERRUPTED =
  'the policy could not finish: memory or stack ran out, or it has a bug; the next call starts afresh: report it if a small input fails, too';

/** The module's own errors are of no subclass; a trap and an exhausted stack are. */
function isOurs(problem: unknown): boolean {
  return problem instanceof Error && Object.getPrototypeOf(problem) === Error.prototype;
}
