/**
 * What a store should do, said with a plain map: random operations go to both, and both must agree.
 *
 * Times are made unique by the step they occur in, so that the order of the model is the only right one.
 */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import type { Amount, Entry } from '../core/protocol/values';
import type { AudioStore, StoredMetadata } from '../core/storage/store';
import { entryOf, expectEntry, keyOf } from './stored-entries';

const KEYS = 6;
const STEPS = 1_000;

const id = fc.nat(KEYS - 1);
const time = fc.nat(40);
const maxEntries = fc.nat(4);

/** One thing to do with a store; `reopen` is up to the caller. Times are in units of `STEPS` milliseconds. */
export const storeOperation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      id,
      time,
      byteLength: fc.integer({ min: 1, max: 300 }),
      expiry: fc.oneof(time, fc.constant(Number.POSITIVE_INFINITY)),
      durability: fc.constantFrom('relaxed' as const, 'durable' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('touch' as const), id, time }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('remove' as const), id }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('read' as const), id }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('evict' as const), bytes: fc.nat(600), maxEntries }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove-expired' as const), time, maxEntries }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('clear' as const, 'flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
);
type Operation = typeof storeOperation extends fc.Arbitrary<infer Value> ? Value : never;

interface Held {
  readonly entry: Entry;
  accessedAtMs: number;
}

/** What a store should hold. */
export class StoreModel {
  readonly #heldByKey = new Map<string, Held>();

  /** Does the same with the store and the model, and expects the same answer. */
  async check(store: AudioStore, operation: Exclude<Operation, { type: 'reopen' }>, step: number): Promise<void> {
    const key = 'id' in operation ? keyOf(operation.id) : '';
    const atMs = 'time' in operation ? operation.time * STEPS + step : 0;
    const held = this.#heldByKey.get(key);
    switch (operation.type) {
      case 'write': {
        const { byteLength, expiry, durability } = operation;
        const entry = entryOf(operation.id, { version: step, byteLength, expiresAtMs: expiry * STEPS + step });
        await store.write(entry, atMs, durability);
        this.#heldByKey.set(key, { entry, accessedAtMs: atMs });
        return;
      }
      case 'touch':
        store.touch(key, atMs);
        if (held) held.accessedAtMs = Math.max(held.accessedAtMs, atMs);
        return;
      case 'remove':
        expect(await store.remove(key)).toBe(held?.entry.bytes.byteLength);
        this.#heldByKey.delete(key);
        return;
      case 'read':
        expectEntry(await store.read(key), held?.entry);
        expect(await store.readMetadata(key)).toEqual(held && toStored(held));
        return;
      case 'evict': {
        const gone = front(this.#byLastAccess(), operation.maxEntries, operation.bytes);
        expect(await store.evict(operation.bytes, operation.maxEntries)).toEqual(this.#forget(gone));
        return;
      }
      case 'remove-expired': {
        const expired = [...this.#heldByKey.values()].filter(({ entry }) => entry.metadata.expiresAtMs <= atMs);
        expired.sort((a, b) => a.entry.metadata.expiresAtMs - b.entry.metadata.expiresAtMs);
        const gone = front(expired, operation.maxEntries, Number.POSITIVE_INFINITY);
        expect(await store.removeExpired(atMs, operation.maxEntries)).toEqual(this.#forget(gone));
        return;
      }
      case 'clear':
        expect(await store.clear()).toEqual(this.usage());
        this.#heldByKey.clear();
        return;
      case 'flush':
        await store.flush();
        return;
      default:
        throw new TypeError(`Unknown operation ${JSON.stringify(operation satisfies never)}`);
    }
  }

  /** Counted anew from all that is held. */
  usage(): Amount {
    return amountOf([...this.#heldByKey.values()]);
  }

  /** All that is held, latest access first. */
  list(): readonly StoredMetadata[] {
    return this.#byLastAccess().reverse().map(toStored);
  }

  /** Every key there can be, with its entry if it is held. */
  all(): readonly { readonly key: string; readonly entry: Entry | undefined }[] {
    return Array.from({ length: KEYS }, (_, index) => keyOf(index)).map((key) => ({
      key,
      entry: this.#heldByKey.get(key)?.entry,
    }));
  }

  #byLastAccess(): Held[] {
    return [...this.#heldByKey.values()].sort((a, b) => a.accessedAtMs - b.accessedAtMs);
  }

  #forget(gone: readonly Held[]): Amount {
    for (const { entry } of gone) this.#heldByKey.delete(entry.metadata.key);
    return amountOf(gone);
  }
}

function front(ordered: readonly Held[], maxEntries: number, maxBytes: number): readonly Held[] {
  const taken: Held[] = [];
  for (const held of ordered) {
    if (taken.length >= maxEntries || amountOf(taken).bytes >= maxBytes) break;
    taken.push(held);
  }
  return taken;
}

function amountOf(held: readonly Held[]): Amount {
  return { entries: held.length, bytes: held.reduce((bytes, { entry }) => bytes + entry.bytes.byteLength, 0) };
}

function toStored({ entry, accessedAtMs }: Held): StoredMetadata {
  return { metadata: entry.metadata, accessedAtMs };
}
