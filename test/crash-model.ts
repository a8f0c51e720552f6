/**
 * What a disk store may hold after a crash, said with a list of states for each key.
 *
 * A key's states are what it held (an entry, or nothing), oldest first, from the latest one known to be safe from power
 * loss up to the latest one begun. Nothing but these may ever be found, so that nothing half-written, damaged or mixed
 * up is, and:
 * - while nothing went wrong, the store holds the acknowledged state of every key, exactly;
 * - after a killed process, the acknowledged state or one whose operation was under way;
 * - after power loss, the safe state or any later one.
 *
 * A state is safe once a flush (or a durable write of it) has resolved while it was the acknowledged one and, for an
 * entry, once its key is not among `youngKeys`; for a removal, once no file's name is young.
 * What was safe and then replaced is so no longer once the store is opened again: as long as the younger record lies in
 * a file with a young name, power loss may take both. Evictions are the store's own choice: the model follows them,
 * but what is protected may not be among them. Whoever opens the store protects the same keys anew.
 */
import { expect } from 'vitest';
import { seededRandom } from '../bench/seeded-random';
import type { Amount, Durability, Entry } from '../core/protocol/values';
import type { Removed } from '../core/storage/store';
import { isSame, type LogStoreFixture, listAll, readSound, soundEntry } from './log-store-fixture';
import { keyOf, versionOf } from './stored-entries';

/** One thing to do; times pass on the fixture's clock. */
export type CrashOperation =
  | {
      readonly type: 'write';
      readonly id: number;
      readonly byteLength: number;
      readonly durability: Exclude<Durability, 'memory'>;
      readonly ttlMs: number;
    }
  | { readonly type: 'remove' | 'touch'; readonly id: number }
  | { readonly type: 'protect'; readonly id: number; readonly isProtected: boolean }
  | { readonly type: 'evict'; readonly bytes: number; readonly maxEntries: number }
  | { readonly type: 'reclaim'; readonly isUrgent?: boolean | undefined }
  | { readonly type: 'remove-expired' | 'clear' | 'clear-unprotected' | 'flush' | 'reopen' }
  | { readonly type: 'advance'; readonly ms: number }
  /** At once, or in the n-th write from now, of which a share is kept. With a seed the machine loses power, too. */
  | {
      readonly type: 'crash';
      readonly inWrites: number;
      readonly keptShare: number;
      readonly powerLossSeed: number | undefined;
    };

interface Track {
  /** Never empty. */
  states: (Entry | undefined)[];
  /** Index of the acknowledged state; later ones were begun. */
  acknowledged: number;
  /** Index of the latest state that a flush covers. */
  flushed: number;
  /** Whether it ever was an entry. */
  wasHeld: boolean;
}

/** How much was checked, so that nobody takes an empty test for a passed one. */
export interface CrashCounts {
  crashes: number;
  powerLosses: number;
  /** Entries that were safe when power was lost, and so had to be there. */
  safeEntries: number;
  /** Removals that were safe when power was lost, and so had to hold. */
  safeRemovals: number;
  /** Entries that were flushed when power was lost, but not safe: they lay in files with young names. */
  youngEntries: number;
  /** Entries, none of them safe, that power loss took or took back to an earlier state. */
  lostEntries: number;
}

/** A store on a directory with faults, and what it may hold. */
export class CrashModel {
  readonly counts: CrashCounts = {
    crashes: 0,
    powerLosses: 0,
    safeEntries: 0,
    safeRemovals: 0,
    youngEntries: 0,
    lostEntries: 0,
  };
  readonly #fixture: LogStoreFixture;
  readonly #trackByKey = new Map<string, Track>();
  readonly #protectedKeys = new Set<string>();
  #version = 0;
  #pendingCrash: Extract<CrashOperation, { type: 'crash' }> | undefined;

  /** The store must be open and empty. */
  constructor(fixture: LogStoreFixture, keys: number) {
    this.#fixture = fixture;
    for (let id = 0; id < keys; id++) {
      this.#trackByKey.set(keyOf(id), { states: [undefined], acknowledged: 0, flushed: 0, wasHeld: false });
    }
  }

  /** Does one thing; when the process is killed on the way, it is started again and everything is checked. */
  async perform(operation: CrashOperation): Promise<void> {
    if (operation.type === 'crash') await this.#planCrash(operation);
    else {
      const isAlive = this.#lifeline();
      try {
        await this.#perform(operation, isAlive);
      } catch (error) {
        if (isAlive()) throw error;
      }
      if (!isAlive()) await this.#crash();
    }
    this.#noteWhatIsSafe();
  }

  /** Expects every key's acknowledged state, and nothing else. */
  async checkAll(): Promise<void> {
    const { store } = this.#fixture;
    let held: Amount = { entries: 0, bytes: 0 };
    for (const [key, { states, acknowledged }] of this.#trackByKey) {
      const expected = states[acknowledged];
      const found = await store.read(key);
      expect(isSame(found, expected), `${nameOf(key)} is ${describe(found)}, not ${describe(expected)}`).toBe(true);
      expect(store.has(key)).toBe(expected !== undefined);
      if (expected) held = { entries: held.entries + 1, bytes: held.bytes + expected.bytes.byteLength };
    }
    expect(store.usage()).toEqual(held);
    expect((await listAll(store)).length).toBe(held.entries);
  }

  async #planCrash(crash: Extract<CrashOperation, { type: 'crash' }>): Promise<void> {
    this.#pendingCrash = crash;
    if (crash.inWrites === 0) return this.#crash();
    this.#fixture.directory.killInWrite(crash.inWrites, (writtenBytes) => Math.floor(writtenBytes * crash.keptShare));
  }

  /** Whether the process is still the same. */
  #lifeline(): () => boolean {
    const { directory } = this.#fixture;
    const { kills } = directory;
    return () => directory.kills === kills;
  }

  async #perform(operation: Exclude<CrashOperation, { type: 'crash' }>, isAlive: () => boolean): Promise<void> {
    const { store, clock } = this.#fixture;
    const nowMs = clock.nowMs();
    switch (operation.type) {
      case 'write': {
        const { id, byteLength, durability, ttlMs } = operation;
        const version = ++this.#version;
        const createdAtMs = nowMs + version;
        const entry = soundEntry(id, { version, byteLength, createdAtMs, expiresAtMs: nowMs + ttlMs });
        const track = this.#begin(keyOf(id), entry);
        track.wasHeld = true;
        await store.write(entry, nowMs, durability);
        track.acknowledged = track.states.length - 1;
        if (durability === 'durable' && isAlive()) track.flushed = track.acknowledged;
        return;
      }
      case 'remove': {
        const track = this.#begin(keyOf(operation.id), undefined);
        const expected = track.states[track.acknowledged]?.bytes.byteLength;
        expect(await store.remove(keyOf(operation.id))).toBe(expected);
        track.acknowledged = track.states.length - 1;
        return;
      }
      case 'touch':
        store.touch(keyOf(operation.id), { accessedAtMs: nowMs });
        return;
      case 'protect':
        store.protect([keyOf(operation.id)], operation.isProtected);
        if (operation.isProtected) this.#protectedKeys.add(keyOf(operation.id));
        else this.#protectedKeys.delete(keyOf(operation.id));
        return;
      case 'evict':
        return this.#follow(() => store.evict(operation.bytes, operation.maxEntries));
      case 'remove-expired':
        return this.#follow(() => store.removeExpired(nowMs, 5));
      case 'clear':
        return this.#follow(() => store.clear(), false);
      case 'clear-unprotected':
        return this.#follow(() => store.clear(true));
      case 'reclaim':
        return this.#follow(async () => (await store.reclaim(operation.isUrgent)).evicted);
      case 'flush':
        await store.flush();
        if (isAlive()) this.#noteFlush();
        return;
      case 'reopen':
        await this.#fixture.close();
        if (!isAlive()) return;
        this.#noteFlush();
        this.#forgetReplaced();
        (await this.#fixture.open()).protect(this.#protectedKeys, true);
        return this.checkAll();
      case 'advance':
        return clock.advance(operation.ms);
      default:
        throw new TypeError(`Unknown operation ${JSON.stringify(operation satisfies never)}`);
    }
  }

  #begin(key: string, state: Entry | undefined): Track {
    const track = this.#trackByKey.get(key);
    if (track === undefined) throw new TypeError(`The model has no key ${key}`);
    track.states.push(state);
    return track;
  }

  /** Lets the store remove what it chooses, and notes what that was. */
  async #follow(remove: () => Promise<Amount & Partial<Removed>>, sparesProtected = true): Promise<void> {
    const { store } = this.#fixture;
    const mayGo = (key: string) => !sparesProtected || !this.#protectedKeys.has(key);
    const held = [...this.#trackByKey].flatMap(([key, track]) =>
      track.states[track.acknowledged] !== undefined && mayGo(key) ? track : [],
    );
    // Until it is answered, any of them may have gone.
    for (const track of held) track.states.push(undefined);
    const removed = await remove();
    const gone = { entries: 0, bytes: 0 };
    const goneKeys: string[] = [];
    for (const track of held) {
      const entry = track.states[track.acknowledged];
      if (entry === undefined || store.has(entry.metadata.key)) {
        track.states.pop();
        continue;
      }
      track.acknowledged = track.states.length - 1;
      gone.entries++;
      goneKeys.push(entry.metadata.key);
      gone.bytes += entry.bytes.byteLength;
    }
    const { keys, ...amount } = removed;
    expect(amount).toEqual(gone);
    if (keys !== undefined) expect([...keys].sort()).toEqual(goneKeys.sort());
  }

  async #crash(): Promise<void> {
    const { directory } = this.#fixture;
    const powerLossSeed = this.#pendingCrash?.powerLossSeed;
    const hasLostPower = powerLossSeed !== undefined;
    this.#pendingCrash = undefined;
    this.counts.crashes++;
    if (hasLostPower) directory.losePower(seededRandom(powerLossSeed));
    else directory.kill();
    const store = await this.#fixture.open();
    store.protect(this.#protectedKeys, true);
    if (hasLostPower) this.counts.powerLosses++;
    for (const [key, track] of this.#trackByKey) {
      const found = await readSound(store, key);
      const first = hasLostPower ? 0 : track.acknowledged;
      const foundAt = track.states.findLastIndex((state, index) => index >= first && isSame(found, state));
      const allowed = track.states.slice(first).map(describe);
      expect(foundAt, `${nameOf(key)} is ${describe(found)}, not ${allowed.join(' or ')}`).not.toBe(-1);
      if (hasLostPower) this.#count(track, foundAt);
      // Later states are gone for good. Earlier ones may yet come back, as long as this one lies in a young file.
      track.states.length = foundAt + 1;
      track.acknowledged = foundAt;
      track.flushed = hasLostPower ? foundAt : Math.min(track.flushed, foundAt);
      // The disk tier removes what it finds damaged.
      if (found !== undefined || !store.has(key)) continue;
      await store.remove(key);
      track.acknowledged = track.states.push(undefined) - 1;
    }
    this.#forgetReplaced();
    await this.checkAll();
  }

  #count({ states, acknowledged, flushed, wasHeld }: Track, foundAt: number): void {
    if (!wasHeld) return;
    const isEntry = states[acknowledged] !== undefined;
    if (states.length === 1) this.counts[isEntry ? 'safeEntries' : 'safeRemovals']++;
    else if (isEntry && flushed === acknowledged) this.counts.youngEntries++;
    if (isEntry && foundAt < acknowledged) this.counts.lostEntries++;
  }

  /** A session does not know what an earlier one replaced. */
  #forgetReplaced(): void {
    for (const track of this.#trackByKey.values()) {
      if (track.acknowledged === 0 || track.states[0] === undefined) continue;
      track.states.unshift(undefined);
      track.acknowledged++;
      track.flushed++;
    }
  }

  #noteFlush(): void {
    for (const track of this.#trackByKey.values()) track.flushed = track.acknowledged;
  }

  /** Forgets the states before the latest safe one. */
  #noteWhatIsSafe(): void {
    const { store, directory } = this.#fixture;
    const young = new Set(store.youngKeys());
    const areRemovalsSafe = directory.youngNames.length === 0;
    for (const [key, track] of this.#trackByKey) {
      if (track.flushed < track.acknowledged || track.acknowledged === 0) continue;
      const isSafe = track.states[track.acknowledged] === undefined ? areRemovalsSafe : !young.has(key);
      if (!isSafe) continue;
      track.states.splice(0, track.acknowledged);
      track.acknowledged = 0;
      track.flushed = 0;
    }
  }
}

function idOf(key: string): number {
  return Number.parseInt(key.slice(3), 16);
}

function nameOf(key: string): string {
  return `entry ${idOf(key)}`;
}

function describe(entry: Entry | undefined): string {
  return entry === undefined ? 'nothing' : `version ${versionOf(entry.metadata)} of ${entry.bytes.byteLength} bytes`;
}
