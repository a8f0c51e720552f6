/** What the two ends of the floor say to each other beside bare numbers and buffers. */

/** What a page asks the floor to write to disk. */
export interface FloorWrite {
  readonly floorWrite: ArrayBuffer;
}

/** Closes and removes the file that was written. */
export const END_OF_WRITES = 'end of floor writes';
