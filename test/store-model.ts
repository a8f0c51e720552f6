/**
 * What a store should do, said with a plain map: random operations go to both, and both must agree.
 *
 * Times are made unique by the step they occur in, so that the order of the model is the only right one.
 */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import type { Amount, Entry } from '../core/protocol/values';
import { comparePlaces, placeIn } from '../core/storage/list-order';
import type { AudioStore, EntryOrder, EntrySummary, Removed, StoredMetadata } from '../core/storage/store';
import { entryOf, expectEntry, keyOf, withoutBytesOnDisk } from './stored-entries';

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
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('touch' as const),
      id,
      time,
      hits: fc.option(fc.nat(3), { nil: undefined }),
      expiry: fc.option(fc.oneof(time, fc.constant(Number.POSITIVE_INFINITY)), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('protect' as const), id, isProtected: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('survey' as const, 'clear-unprotected' as const) }) },
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
  readonly accessedAtMs: number;
  readonly hits: number;
}

/** What a store should hold. */
export class StoreModel {
  readonly #heldByKey = new Map<string, Held>();
  readonly #protectedKeys = new Set<string>();

  /** Does the same with the store and the model, and expects the same answer. */
  async check(store: AudioStore, operation: Exclude<Operation, { type: 'reopen' }>, step: number): Promise<void> {
    const key = 'id' in operation ? keyOf(operation.id) : '';
    const atMs = 'time' in operation ? operation.time * STEPS + step : 0;
    const held = this.#heldByKey.get(key);
    switch (operation.type) {
      case 'write': {
        const { byteLength, expiry, durability } = operation;
        const expiresAtMs = expiry * STEPS + step;
        const entry = entryOf(operation.id, { version: step, byteLength, createdAtMs: atMs + 1, expiresAtMs });
        await store.write(entry, atMs, durability);
        this.#heldByKey.set(key, { entry, accessedAtMs: atMs, hits: 0 });
        return;
      }
      case 'touch': {
        const { hits, expiry } = operation;
        const expiresAtMs = expiry === undefined ? undefined : expiry * STEPS + step;
        store.touch(key, { accessedAtMs: atMs, hits, expiresAtMs });
        if (held === undefined) return;
        const { metadata, bytes } = held.entry;
        this.#heldByKey.set(key, {
          entry: { metadata: { ...metadata, expiresAtMs: expiresAtMs ?? metadata.expiresAtMs }, bytes },
          accessedAtMs: Math.max(held.accessedAtMs, atMs),
          hits: held.hits + (hits ?? 1),
        });
        return;
      }
      case 'protect':
        store.protect([key], operation.isProtected);
        if (operation.isProtected) this.#protectedKeys.add(key);
        else this.#protectedKeys.delete(key);
        return;
      case 'survey': {
        const all = this.all();
        const summaries = await store.survey(all.map((each) => each.key));
        expect(summaries.map(withoutBytesOnDisk)).toEqual(all.map((each) => summaryOf(this.#heldByKey.get(each.key))));
        return;
      }
      case 'remove':
        expect(await store.remove(key)).toBe(held?.entry.bytes.byteLength);
        this.#heldByKey.delete(key);
        return;
      case 'read':
        expectEntry(await store.read(key), held?.entry);
        expect(await store.readMetadata(key)).toEqual(held && toStored(held));
        return;
      case 'evict': {
        const gone = front(this.#unprotected(this.#byLastAccess()), operation.maxEntries, operation.bytes);
        expect(await store.evict(operation.bytes, operation.maxEntries)).toEqual(this.#forget(gone));
        return;
      }
      case 'remove-expired': {
        const expired = [...this.#heldByKey.values()].filter(({ entry }) => entry.metadata.expiresAtMs <= atMs);
        expired.sort((a, b) => a.entry.metadata.expiresAtMs - b.entry.metadata.expiresAtMs);
        const gone = front(this.#unprotected(expired), operation.maxEntries, Number.POSITIVE_INFINITY);
        expect(await store.removeExpired(atMs, operation.maxEntries)).toEqual(this.#forget(gone));
        return;
      }
      case 'clear':
        expect(await store.clear()).toEqual(this.usage());
        this.#heldByKey.clear();
        return;
      case 'clear-unprotected': {
        const { keys: _, ...amount } = this.#forget(this.#unprotected([...this.#heldByKey.values()]));
        expect(await store.clear(true)).toEqual(amount);
        return;
      }
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

  /** Nothing is protected any more. */
  forgetProtection(): void {
    this.#protectedKeys.clear();
  }

  /** All that is held, in an order. */
  list(order: EntryOrder): readonly StoredMetadata[] {
    const stored = [...this.#heldByKey.values()].map(toStored);
    return stored.sort((a, b) => comparePlaces(placeIn(order, a), placeIn(order, b)));
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

  #unprotected(held: readonly Held[]): Held[] {
    return held.filter(({ entry }) => !this.#protectedKeys.has(entry.metadata.key));
  }

  #forget(gone: readonly Held[]): Removed {
    const keys = gone.map(({ entry }) => entry.metadata.key);
    for (const key of keys) this.#heldByKey.delete(key);
    return { ...amountOf(gone), keys };
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

function toStored({ entry, accessedAtMs, hits }: Held): StoredMetadata {
  return { metadata: entry.metadata, accessedAtMs, hits };
}

function summaryOf(held: Held | undefined): Omit<EntrySummary, 'bytesOnDisk'> | undefined {
  if (held === undefined) return undefined;
  const { byteLength, createdAtMs, expiresAtMs } = held.entry.metadata;
  return { byteLength, createdAtMs, expiresAtMs, accessedAtMs: held.accessedAtMs, hits: held.hits };
}
