/** A stretch of a text: offsets, the end exclusive. */
export interface Range {
  from: number;
  to: number;
}
