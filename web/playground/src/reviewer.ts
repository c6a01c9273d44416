/** The page's side of the worker. While a review runs, only the latest input waits. */

import type { Input, Outcome } from './review';
import type { Redacted } from './redacted';
import type { Question, Reply } from './review.worker';

export interface Reviewer {
  /** Reviews; `onOutcome` hears of the latest input only. */
  review(input: Input): void;
  redact(texts: string[]): Promise<Redacted[]>;
}

export function startReviewer(onOutcome: (outcome: Outcome) => void, onError: (why: string) => void): Reviewer {
  const worker = new Worker(new URL('./review.worker.ts', import.meta.url), { type: 'module' });
  const redactions = new Map<number, (reply: Reply) => void>();
  let isBusy = true;
  let waiting: Input | undefined;
  let questions = 0;

  const ask = (question: Question) => worker.postMessage(question);
  const next = () => {
    isBusy = waiting !== undefined;
    if (!waiting) return;
    ask({ id: questions += 1, ask: 'review', input: waiting });
    waiting = undefined;
  };

  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
    if ('id' in data) {
      const redaction = redactions.get(data.id);
      if (redaction) {
        redactions.delete(data.id);
        redaction(data);
        return;
      }
    }
    if ('error' in data) onError(data.error);
    // An outcome that is already old has places that may be wrong by now.
    if ('outcome' in data && !waiting) onOutcome(data.outcome);
    next();
  });
  worker.addEventListener('error', ({ message }) => onError(message || 'the policy cannot be loaded'));

  return {
    review: (input) => {
      waiting = input;
      if (!isBusy) next();
    },
    redact: (texts) => new Promise((resolve, reject) => {
      const id = questions += 1;
      redactions.set(id, (reply) => {
        if ('redacted' in reply) resolve(reply.redacted);
        else reject(new Error('error' in reply ? reply.error : 'the texts cannot be redacted'));
      });
      ask({ id, ask: 'redact', texts });
    }),
  };
}
