/** What a caller wants, and what it gets, between the parts of the page that bring one to the other. */
import type { MissReason, SpeechSpec } from '../core/protocol/values';
import type { ClipParts } from './clip';
import type { Synthesize } from './origin-audio';

/** A phrase that somebody wants to hear. */
export interface Wanted {
  readonly spec: SpeechSpec;
  /** Instead of the client's. */
  readonly synthesize: Synthesize | undefined;
  readonly signal: AbortSignal | undefined;
  readonly ttlMs: number | undefined;
  /** Take the clip at its first audio instead of when it is whole. */
  readonly streaming: boolean;
}

/** A clip as it was obtained. */
export interface Obtained extends Omit<ClipParts, 'playbackRate'> {
  /** Why it had to be synthesized, if this page was granted that. */
  readonly missReason?: MissReason;
  /** Of audio synthesized here: resolves once the cache has it, as far as there is one. */
  readonly delivered?: Promise<void>;
}
