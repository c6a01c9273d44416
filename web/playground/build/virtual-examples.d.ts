/** Every case of every rule page. Made by build/examples.ts. */
declare module 'virtual:examples' {
  /** In the order of the pages. */
  export const examples: readonly import('./packed.ts').Example[];
  /** The time at which every example ends as its outcome says: later, a certificate may expire. */
  export const now: string;
}
