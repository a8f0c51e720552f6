/** Chance that is the same in every run, so that two runs of a benchmark do the same work. */

/** Returns a generator of numbers in [0, 1), the same for the same seed (mulberry32, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Returns the items in a random order (Fisher and Yates). */
export function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const chosen = Math.floor(random() * (last + 1));
    // Both indices are within the array.
    [order[last], order[chosen]] = [order[chosen] as Item, order[last] as Item];
  }
  return order;
}

/** Returns one of the items; there must be one. */
export function pick<Item>(items: readonly Item[], random: () => number): Item {
  // The index is within the array.
  return items[Math.floor(random() * items.length)] as Item;
}

/** Returns random bytes that begin as an MP3 does, so that the cache takes them for audio. */
export function randomAudio(byteLength: number, random: () => number): ArrayBuffer {
  const words = new Uint32Array(Math.ceil(byteLength / 4)).map(() => random() * 2 ** 32);
  const bytes = new Uint8Array(words.buffer.slice(0, byteLength));
  bytes.set(new TextEncoder().encode('ID3').subarray(0, byteLength));
  return bytes.buffer;
}

/** Returns a text of so many of the alphabet's characters. */
export function randomText(length: number, alphabet: string, random: () => number): string {
  const characters = [...alphabet];
  return Array.from({ length }, () => pick(characters, random)).join('');
}
