/**
 * From the address a caller gives to the key everything is kept under.
 */
import type { Hashing } from './hashing';
import { canonicalizeSpec, checkKey, keyFromDigest } from './key';
import { type NowOrLater, proceed } from './now-or-later';
import type { Address } from './protocol/messages';
import type { SpeechSpec, SpeedMode } from './protocol/values';

/** How many keys of phrases asked for lately are remembered, and up to which length of a canonical string. */
const MAX_KNOWN_KEYS = 2000;
const MAX_KNOWN_LENGTH = 500;

/** An entry's key and, when the caller named a spec, what it stands for. */
export interface Identity {
  readonly key: string;
  readonly canonical: string | undefined;
  readonly spec: SpeechSpec | undefined;
}

/** An identity made from a spec. */
export interface SpecIdentity extends Identity {
  readonly canonical: string;
  readonly spec: SpeechSpec;
}

/** Makes keys, and remembers those of recent phrases: a hash costs as much as all the rest of a memory hit. */
export class Identifier {
  readonly #hashing: Hashing;
  readonly #speedMode: SpeedMode;
  readonly #keyByCanonical = new Map<string, string>();

  constructor(hashing: Hashing, speedMode: SpeedMode) {
    this.#hashing = hashing;
    this.#speedMode = speedMode;
  }

  /** @throws AudioCacheError `INVALID_SPEC`, `INVALID_KEY`, at once */
  identify(address: Address): NowOrLater<Identity> {
    if ('spec' in address) return this.identifySpec(address.spec);
    return { key: checkKey(address.key), canonical: undefined, spec: undefined };
  }

  /** @throws AudioCacheError `INVALID_SPEC`, at once */
  identifySpec(spec: SpeechSpec): NowOrLater<SpecIdentity> {
    const canonical = canonicalizeSpec(spec, this.#speedMode);
    const known = this.#keyByCanonical.get(canonical);
    if (known !== undefined) return { key: known, canonical, spec };
    return proceed(this.#hashing.digestHex(canonical), (digestHex) => {
      const key = keyFromDigest(digestHex);
      this.#remember(canonical, key);
      return { key, canonical, spec };
    });
  }

  #remember(canonical: string, key: string): void {
    // Long texts would fill memory.
    if (canonical.length > MAX_KNOWN_LENGTH) return;
    if (this.#keyByCanonical.size >= MAX_KNOWN_KEYS) this.#keyByCanonical.clear();
    this.#keyByCanonical.set(canonical, key);
  }
}
