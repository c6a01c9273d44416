/** Reads and reviews beside the page, so that a large text never holds up typing. */

import { review, type Input, type Outcome } from './review';
import { withoutSecrets, type Redacted } from './redacted';

/** What the page asks. */
export type Question =
  | { id: number; ask: 'review'; input: Input }
  | { id: number; ask: 'redact'; texts: string[] };

/** What the worker says: first that it is ready, then an answer to each question. */
export type Reply =
  | { ready: true }
  | { id: number; outcome: Outcome }
  | { id: number; redacted: Redacted[] }
  | { id: number; error: string };

addEventListener('message', ({ data }: MessageEvent<Question>) => {
  postMessage(answer(data));
});

postMessage({ ready: true } satisfies Reply);

function answer(question: Question): Reply {
  const { id } = question;
  try {
    return question.ask === 'review'
      ? { id, outcome: review(question.input) }
      : { id, redacted: question.texts.map(withoutSecrets) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}
