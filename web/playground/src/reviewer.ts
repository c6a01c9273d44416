/** The page's side of the worker. While a review runs, only the latest input waits. */

import type { RedactedText } from 'skupper-access-policy/text';
import type { Input, Outcome } from './review.ts';
import type { Question, Reply } from './review.worker.ts';
import { worker } from './worker.ts';

export interface Reviewer {
  /** Reviews the input; `onOutcome` gets the outcome of the latest only. */
  review(input: Input): void;
  /** Takes secrets and comments out of texts. */
  redact(texts: string[]): Promise<RedactedText[]>;
}

export function startReviewer(onOutcome: (outcome: Outcome) => void, onError: (why: string) => void): Reviewer {
  const answers = new Map<number, (reply: Reply) => void>();
  const isReady = new Promise<void>((resolve) => answers.set(READY, () => resolve()));
  let isBusy = false;
  let waiting: Input | undefined;
  let lastId = READY;

  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
    answers.get(data.id)?.(data);
    answers.delete(data.id);
  });
  worker.addEventListener('error', ({ message }) => onError(message || 'it cannot be loaded'));

  /** A worker that is not ready would miss the question. */
  const ask = async (question: Unnumbered): Promise<Reply> => {
    await isReady;
    const id = lastId += 1;
    return new Promise((resolve, reject) => {
      answers.set(id, (reply) => {
        if ('error' in reply) reject(new Error(reply.error));
        else resolve(reply);
      });
      worker.postMessage({ ...question, id });
    });
  };

  const reviewWaiting = async (): Promise<void> => {
    isBusy = true;
    while (waiting) {
      const input = waiting;
      waiting = undefined;
      try {
        const reply = await ask({ ask: 'review', input });
        // The places of a stale outcome may be wrong by now.
        if ('outcome' in reply && !waiting) onOutcome(reply.outcome);
      } catch (error) {
        onError(error instanceof Error ? error.message : String(error));
      }
    }
    isBusy = false;
  };

  return {
    review: (input) => {
      waiting = input;
      if (!isBusy) void reviewWaiting();
    },
    redact: async (texts) => {
      const reply = await ask({ ask: 'redact', texts });
      return 'redacted' in reply ? reply.redacted : [];
    },
  };
}

type Unnumbered = Question extends infer Each ? (Each extends Question ? Omit<Each, 'id'> : never) : never;

/** The number of the worker's first message. */
const READY = 0;
