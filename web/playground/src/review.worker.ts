/** Reads and reviews beside the page, so that a large text never holds up typing. */

import { isReadable, readManifests } from './manifest.ts';
import { review, type Input, type Outcome } from './review.ts';
import { withoutSecrets, type Redacted } from './redacted.ts';

/** What the page asks. */
export type Question =
  | { id: number; ask: 'review'; input: Input }
  | { id: number; ask: 'redact'; texts: string[] }
  | { id: number; ask: 'json'; text: string };

/** What the worker says: first that it is ready, then an answer to each question. */
export type Reply =
  | { id: 0; ready: true }
  | { id: number; outcome: Outcome }
  | { id: number; redacted: Redacted[] }
  | { id: number; json: string | undefined }
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
      case 'redact': return { id, redacted: question.texts.map(withoutSecrets) };
      case 'json': return { id, json: readManifests(question.text).find(isReadable)?.json };
    }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}
