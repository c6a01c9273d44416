/** Reviews and redacts beside the page, so that a large text never holds up typing. */

import { redactText, type RedactedText } from 'skupper-access-policy/text';
import { review, type Input, type Outcome } from './review.ts';

/** A question of the page. */
export type Question =
  | { id: number; ask: 'review'; input: Input }
  | { id: number; ask: 'redact'; texts: string[] };

/** A message of the worker: first that it is ready, then an answer to each question. */
export type Reply =
  | { id: 0; ready: true }
  | { id: number; outcome: Outcome }
  | { id: number; redacted: RedactedText[] }
  | { id: number; error: string };

addEventListener('message', ({ data }: MessageEvent<Question>) => {
  postMessage(answer(data));
});

postMessage({ id: 0, ready: true } satisfies Reply);

function answer(question: Question): Reply {
  const { id } = question;
  try {
    switch (question.ask) {
      case 'review': return { id, outcome: review(question.input) };
      case 'redact': return { id, redacted: question.texts.map(redactText) };
    }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}
