/**
 * A store that takes its time: operations take effect one after the other in the order in which they were called, as
 * transactions on one database do, and each is answered a while after it has.
 */
import type { Clock } from '../core/clock';
import type { AudioStore } from '../core/storage/store';

/** Slows a store down; `delayMs` is asked for every wait. */
export function slowDown(store: AudioStore, clock: Clock, delayMs: () => number): AudioStore {
  let last: Promise<unknown> = Promise.resolve();
  const sleep = () => new Promise<void>((resolve) => clock.schedule(resolve, delayMs()));
  const inTurn = <Result>(operation: () => Promise<Result>): Promise<Result> => {
    const performed = last.then(sleep).then(operation);
    last = performed.catch(() => {});
    return performed.finally(sleep);
  };
  return {
    kind: store.kind,
    read: (key) => inTurn(async () => store.read(key)),
    readMetadata: (key) => inTurn(() => store.readMetadata(key)),
    write: (entry, accessedAtMs, durability) => inTurn(() => store.write(entry, accessedAtMs, durability)),
    remove: (key) => inTurn(() => store.remove(key)),
    clear: (sparesProtected) => inTurn(() => store.clear(sparesProtected)),
    touch: (key, use) => store.touch(key, use),
    removeExpired: (nowMs, maxEntries) => inTurn(() => store.removeExpired(nowMs, maxEntries)),
    evict: (bytes, maxEntries) => inTurn(() => store.evict(bytes, maxEntries)),
    list: (options) => inTurn(() => store.list(options)),
    survey: (keys) => inTurn(() => store.survey(keys)),
    protect: (keys, isProtected) => store.protect(keys, isProtected),
    limit: (maxBytes) => store.limit(maxBytes),
    readNote: () => inTurn(() => store.readNote()),
    writeNote: (bytes, durability) => inTurn(() => store.writeNote(bytes, durability)),
    usage: () => store.usage(),
    reclaim: (isUrgent) => inTurn(() => store.reclaim(isUrgent)),
    report: () => store.report(),
    flush: () => inTurn(() => store.flush()),
    close: () => inTurn(() => store.close()),
  };
}
