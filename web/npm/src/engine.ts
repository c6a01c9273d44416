// The calls into a WebAssembly module: input is bounded, and what comes out is an answer or an `Error`.

/** The part of the generated code that loads a module. */
export interface Generated {
  initSync(options: { module: WebAssembly.Module | BufferSource }): unknown;
  /** Starts the module afresh. */
  __wbg_reset_state(): void;
}

export interface Engine {
  start(module: WebAssembly.Module | BufferSource): void;
  /** Asks the module. The keys of `texts`, which is everything that goes in, name them in errors. */
  call<Result>(texts: Readonly<Record<string, string>>, ask: () => Result): Result;
}

/**
 * Limit of the texts of one call together, in UTF-16 code units. Kubernetes takes requests of 3 MiB.
 * JSON grows up to a hundredfold when it is read, and WebAssembly has 4 GiB.
 */
export const LONGEST_INPUT = 16 * 1024 * 1024;

export function createEngine(generated: Generated): Engine {
  /** A trap or an exhausted stack leaves a state behind that cannot be trusted. */
  let isInterrupted = false;
  return {
    start: (module) => {
      generated.initSync({ module });
    },
    call: (texts, ask) => {
      checkInput(texts);
      try {
        if (isInterrupted) {
          generated.__wbg_reset_state();
          isInterrupted = false;
        }
        return ask();
      } catch (problem) {
        if (isOurs(problem)) {
          throw problem;
        }
        isInterrupted = true;
        throw new Error(INTERRUPTED, { cause: problem });
      }
    },
  };
}

function checkInput(texts: Readonly<Record<string, unknown>>): void {
  let length = 0;
  for (const [name, text] of Object.entries(texts)) {
    if (typeof text !== 'string') {
      throw new Error(`${name} must be a string, not ${typeof text}`);
    }
    length += text.length;
  }
  if (length > LONGEST_INPUT) {
    throw new Error(
      `the input is ${length} characters long: give at most ${LONGEST_INPUT}; Kubernetes takes 3 MiB`,
    );
  }
}

const INTERRUPTED =
  'the policy could not finish: memory or stack ran out, or it has a bug; the next call starts afresh: report it if a small input fails, too';

/** The module's own errors are of no subclass; a trap and an exhausted stack are. */
function isOurs(problem: unknown): boolean {
  return problem instanceof Error && Object.getPrototypeOf(problem) === Error.prototype;
}
