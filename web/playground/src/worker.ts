/** The worker, started before anything else of the page, so that the policy loads meanwhile. */

export const worker = new Worker(new URL('./review.worker.ts', import.meta.url), { type: 'module' });
