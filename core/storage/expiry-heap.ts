/**
 * Slots by expiry: a binary heap in typed arrays that knows where each slot stands, so that any can be removed.
 *
 * Invariant: `#positionBySlot[#slots[p]] === p` for every position in use, and `ABSENT` for every other slot.
 */
const ABSENT = -1;
const FIRST_CAPACITY = 1_024;

/** The slots that expire, the earliest first. */
export class ExpiryHeap {
  readonly #expiresAtMs: (slot: number) => number;
  #slots = new Int32Array(FIRST_CAPACITY);
  #positionBySlot = new Int32Array(FIRST_CAPACITY).fill(ABSENT);
  #size = 0;

  /** `expiresAtMs` must give the same for a slot as long as that is in the heap. */
  constructor(expiresAtMs: (slot: number) => number) {
    this.#expiresAtMs = expiresAtMs;
  }

  /** The slot that expires first, or -1. */
  get first(): number {
    return this.#size === 0 ? ABSENT : this.#at(0);
  }

  /** Adds a slot that is not there. */
  add(slot: number): void {
    if (this.#size === this.#slots.length) this.#slots = larger(this.#slots, this.#size * 2);
    if (slot >= this.#positionBySlot.length) {
      this.#positionBySlot = larger(this.#positionBySlot, Math.max(slot + 1, this.#positionBySlot.length * 2));
    }
    this.#rise(slot, this.#size++);
  }

  /** Removes a slot, if it is there. */
  delete(slot: number): void {
    const position = this.#positionBySlot[slot] ?? ABSENT;
    if (position === ABSENT) return;
    this.#positionBySlot[slot] = ABSENT;
    const last = this.#at(--this.#size);
    if (last === slot) return;
    if (position > 0 && this.#isBefore(last, this.#at(parentOf(position)))) this.#rise(last, position);
    else this.#sink(last, position);
  }

  /** Removes all. */
  clear(): void {
    this.#positionBySlot.fill(ABSENT);
    this.#size = 0;
  }

  #rise(slot: number, from: number): void {
    let position = from;
    while (position > 0) {
      const parent = this.#at(parentOf(position));
      if (!this.#isBefore(slot, parent)) break;
      this.#place(parent, position);
      position = parentOf(position);
    }
    this.#place(slot, position);
  }

  #sink(slot: number, from: number): void {
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#isBefore(this.#at(child + 1), this.#at(child))) child++;
      if (!this.#isBefore(this.#at(child), slot)) break;
      this.#place(this.#at(child), position);
      position = child;
    }
    this.#place(slot, position);
  }

  #place(slot: number, position: number): void {
    this.#slots[position] = slot;
    this.#positionBySlot[slot] = position;
  }

  #at(position: number): number {
    return this.#slots[position] ?? ABSENT;
  }

  #isBefore(a: number, b: number): boolean {
    return this.#expiresAtMs(a) < this.#expiresAtMs(b);
  }
}

function parentOf(position: number): number {
  return (position - 1) >> 1;
}

function larger(cells: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(capacity).fill(ABSENT);
  copy.set(cells);
  return copy;
}
