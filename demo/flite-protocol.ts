/** What page and worker say to each other: one request at a time, one answer to each. */

/** A phrase for Flite. */
export interface FliteRequest {
  readonly text: string;
  /** One of the voices compiled in: `slt`, `rms`, `awb`, `kal16`. */
  readonly voice: string;
  /** Speaking rate as a factor. */
  readonly speed: number;
}

/** The WAV file (16 kHz, mono), transferred; or why there is none, in words for the person. */
export type FliteAnswer = { readonly wav: ArrayBuffer } | { readonly error: string };
