/**
 * Faults of IndexedDB, put into its prototypes: what browsers do when a connection, the quota or a file is gone.
 * `vi.restoreAllMocks()` takes them out again.
 */
import { vi } from 'vitest';

/** What a transaction was begun with, and what was put in it, by object store. */
export interface TransactionRecord {
  readonly mode: string;
  readonly durability: string | undefined;
  readonly puts: string[];
}

/** Records every transaction begun from now on. */
export function recordTransactions(): readonly TransactionRecord[] {
  const records: TransactionRecord[] = [];
  const recordByTransaction = new Map<IDBTransaction, TransactionRecord>();
  const { transaction: begin } = IDBDatabase.prototype;
  const { put } = IDBObjectStore.prototype;
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, names, mode, options) {
    const transaction = begin.call(this, names, mode, options);
    const record = { mode: mode ?? 'readonly', durability: options?.durability, puts: [] };
    recordByTransaction.set(transaction, record);
    records.push(record);
    return transaction;
  });
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, ...args) {
    recordByTransaction.get(this.transaction)?.puts.push(this.name);
    return put.apply(this, args);
  });
  return records;
}

/** Lets the next `count` transactions fail to begin; returns how often that was tried. */
export function failToBegin(error: DOMException, count: number): () => number {
  let tries = 0;
  const { transaction: begin } = IDBDatabase.prototype;
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, ...args) {
    tries++;
    if (tries <= count) throw error;
    return begin.apply(this, args);
  });
  return () => tries;
}

/** Lets opening fail, always; returns how often it was tried. */
export function failToOpen(error: DOMException): () => number {
  const open = vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
    const request = createRequest(error);
    queueMicrotask(() => request.dispatchEvent(new Event('error')));
    return request;
  });
  return () => open.mock.calls.length;
}

/** Lets opening wait for ever, because another tab does not give way. */
export function blockOpening(): void {
  vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
    const request = createRequest();
    queueMicrotask(() => request.dispatchEvent(new Event('blocked')));
    return request;
  });
}

/**
 * Aborts at the commit every transaction that has put something, as Chromium does over quota; those that only delete
 * go through. With `isMute`, the put of the ledger is never answered, which Chromium does to a request now and then.
 */
export function failCommitsThatPut(error: DOMException, { isMute = false } = {}): void {
  const unansweredPuts = new Map<IDBTransaction, number>();
  const { put } = IDBObjectStore.prototype;
  const { commit } = IDBTransaction.prototype;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, ...args): IDBRequest {
    const { transaction } = this;
    if (isMute && this.name === 'ledger') return createRequest();
    unansweredPuts.set(transaction, (unansweredPuts.get(transaction) ?? 0) + 1);
    const request = put.apply(this, args);
    request.addEventListener('success', () => {
      const left = (unansweredPuts.get(transaction) ?? 0) - 1;
      unansweredPuts.set(transaction, left);
      if (left > 0) return;
      transaction.abort();
      Object.defineProperty(transaction, 'error', { value: error });
    });
    return request;
  });
  vi.spyOn(IDBTransaction.prototype, 'commit').mockImplementation(function (this: IDBTransaction) {
    if (!unansweredPuts.has(this)) commit.call(this);
  });
}

/** Lets every read of one object store fail, as when the engine has lost the file of a large value. */
export function failToRead(storeName: string, error: DOMException): void {
  const { get } = IDBObjectStore.prototype;
  vi.spyOn(IDBObjectStore.prototype, 'get').mockImplementation(function (this: IDBObjectStore, key) {
    if (this.name !== storeName) return get.call(this, key);
    const request = createRequest(error);
    queueMicrotask(() => request.dispatchEvent(new Event('error', { cancelable: true })));
    return request;
  });
}

/** A request without a transaction, which answers only if somebody dispatches the event. */
function createRequest(error: DOMException | null = null): IDBOpenDBRequest {
  const events = new EventTarget();
  return Object.create(IDBRequest.prototype, {
    error: { value: error },
    addEventListener: { value: events.addEventListener.bind(events) },
    removeEventListener: { value: events.removeEventListener.bind(events) },
    dispatchEvent: { value: events.dispatchEvent.bind(events) },
  });
}
