/**
 * Why entries went: the last 10,000 that did, so that a phrase synthesized again can be told why.
 *
 * A ring of departures in the order in which they were noted, and chains through it by which a key is found: typed
 * arrays of 142 KB in all, whatever happens, and nothing for the garbage collector to walk. Only 52 bits of a key are
 * kept. Should another key share them (of 10,000 remembered, one new phrase in 450,000,000,000), its miss is given the
 * wrong reason; nothing is decided by one.
 *
 * Invariant: a place of the ring is in a chain exactly as long as `#reasons` has a reason there, and no key is in two.
 */
import type { MissReason } from './protocol/values';

/** Why an entry can have gone. */
export type DepartureReason = Exclude<MissReason, 'new'>;

const CAPACITY = 10_000;
/** A power of two above the capacity, so that chains are short and a mask finds them. */
const CHAINS = 16_384;
const NONE = 0xffff;
const PREFIX_START = 'v1_'.length;
/** As many hex digits as a number keeps exactly: 52 bits. */
const PREFIX_END = PREFIX_START + 13;

/** A place's reason by its number; 0: nothing is remembered there. */
const REASONS: readonly (DepartureReason | undefined)[] = [undefined, 'expired', 'evicted', 'deleted', 'damaged'];

/** Remembers why keys went. */
export class Departures {
  readonly #prefixes = new Float64Array(CAPACITY);
  readonly #reasons = new Uint8Array(CAPACITY);
  /** First place of each chain, and from each place the next one. */
  readonly #firstPlace = new Uint16Array(CHAINS).fill(NONE);
  readonly #nextPlace = new Uint16Array(CAPACITY).fill(NONE);
  /** Where the next departure is written, over the oldest. */
  #end = 0;

  /** An entry went. A later reason replaces an earlier one. */
  note(key: string, reason: DepartureReason): void {
    const prefix = prefixOf(key);
    this.#unlink(prefix);
    const place = this.#end;
    this.#end = (place + 1) % CAPACITY;
    // Places and chains are within their arrays, here and below.
    if (this.#reasons[place] !== 0) this.#unlink(this.#prefixes[place] as number);
    const chain = chainOf(prefix);
    this.#prefixes[place] = prefix;
    this.#reasons[place] = REASONS.indexOf(reason);
    this.#nextPlace[place] = this.#firstPlace[chain] as number;
    this.#firstPlace[chain] = place;
  }

  /** Several entries went, for one reason. */
  noteAll(keys: Iterable<string>, reason: DepartureReason): void {
    for (const key of keys) this.note(key, reason);
  }

  /** Why a key is not there: `new` when it was not seen to go. */
  reasonFor(key: string): MissReason {
    const place = this.#placeOf(prefixOf(key));
    return place === NONE ? 'new' : (REASONS[this.#reasons[place] as number] ?? 'new');
  }

  /** The key is stored again. */
  forget(key: string): void {
    this.#unlink(prefixOf(key));
  }

  #placeOf(prefix: number): number {
    let place = this.#firstPlace[chainOf(prefix)] as number;
    while (place !== NONE && this.#prefixes[place] !== prefix) place = this.#nextPlace[place] as number;
    return place;
  }

  #unlink(prefix: number): void {
    const place = this.#placeOf(prefix);
    if (place === NONE) return;
    const chain = chainOf(prefix);
    const next = this.#nextPlace[place] as number;
    if (this.#firstPlace[chain] === place) {
      this.#firstPlace[chain] = next;
    } else {
      let before = this.#firstPlace[chain] as number;
      while (this.#nextPlace[before] !== place) before = this.#nextPlace[before] as number;
      this.#nextPlace[before] = next;
    }
    this.#reasons[place] = 0;
  }
}

function prefixOf(key: string): number {
  return Number.parseInt(key.slice(PREFIX_START, PREFIX_END), 16);
}

/** The lowest bits of a hash are as good as any, and all that a bitwise operation looks at. */
function chainOf(prefix: number): number {
  return prefix & (CHAINS - 1);
}
