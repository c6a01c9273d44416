/** The worker, started first, so that the policy loads while the page does. */

export const worker = new Worker(new URL('./review.worker.ts', import.meta.url), { type: 'module' });
