/**
 * Removes all entries but the protected ones, each as thoroughly as if it was removed alone, but for less work.
 */
import { AudioCacheError } from '../protocol/audio-cache-error';
import type { Amount } from '../protocol/values';
import { isFullDisk } from './checked-io';
import { REMOVALS_PER_RECORD } from './compaction';
import { NONE } from './entry-index';
import type { IndexedLog, Place } from './indexed-log';
import type { Reclaimer } from './reclaimer';
import { encodeRemovals, type RemovalItem, removalsBytes } from './record';

/**
 * Removes them and resolves to how much that was. Files in which nothing is protected are emptied at once, as far as
 * that can be done now. Killed in between: some entries are still there, whole.
 * @throws AudioCacheError `STORE_UNAVAILABLE`, `QUOTA_EXCEEDED`: some may be back after a restart
 */
export async function clearUnprotected(store: IndexedLog, reclaimer: Reclaimer): Promise<Amount> {
  const { log, index } = store;
  const { active, segments } = log;
  // What is stored from now on goes into a segment of its own.
  if (active !== undefined) active.isSealed = true;
  const before = { entries: index.size, bytes: index.totalAudioBytes };
  const items: RemovalItem[] = [];
  const places: Place[] = [];
  for (let slot = index.oldest; slot !== NONE; ) {
    const newer = index.newerThan(slot);
    if (!index.isProtected(slot)) {
      const place = store.placeOf(slot);
      if (place !== undefined) places.push(place);
      items.push(store.removalOf(slot));
      store.forget(slot);
    }
    slot = newer;
  }
  const removed = { entries: before.entries - index.size, bytes: before.bytes - index.totalAudioBytes };
  const emptied = new Set(segments.filter((segment) => segment.liveBytes === 0));
  const areNoted = await writeRemovals(store, items);
  // One damaged byte in the record of a removal must not bring entries back. The latest records last: killed in between,
  // nothing earlier is found in their places.
  for (const place of [...store.placesOfGone(), ...places]) if (!emptied.has(place.segment)) await store.strike(place);
  if (!store.writeCheckpoint() && !areNoted) {
    throw new AudioCacheError('QUOTA_EXCEEDED', 'There was no room to write down what was removed.');
  }
  let isWorthwhile = true;
  while (isWorthwhile && log.segments.some((segment) => emptied.has(segment))) {
    // What cannot be emptied now is emptied by and by; nothing in it is found any more.
    isWorthwhile = await reclaimer.step().catch(() => false);
  }
  return removed;
}

/**
 * Without checkpoints, copies of a record that compaction has left behind are known to be dead by these alone. Resolves
 * to false when there was no room for all of them.
 */
async function writeRemovals(store: IndexedLog, items: readonly RemovalItem[]): Promise<boolean> {
  let areNoted = true;
  for (let start = 0; start < items.length; start += REMOVALS_PER_RECORD) {
    const step = items.slice(start, start + REMOVALS_PER_RECORD);
    const append = () => {
      // A key may have been written anew.
      const gone = step.filter(({ words }) => store.index.find(words) === NONE);
      if (gone.length > 0) store.log.append(encodeRemovals(gone, false));
    };
    await store.append(removalsBytes(step.length), append).catch((error: unknown) => {
      if (!isFullDisk(error)) throw error;
      areNoted = false;
    });
  }
  return areNoted;
}
