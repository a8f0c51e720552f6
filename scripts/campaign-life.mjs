/** One life of a browser in a campaign: it reads back what it is asked, writes what it is told to, and is killed. */
import { EventEmitter, once } from 'node:events';
import { startChromium } from './killable-chromium.mjs';

/**
 * @typedef {import('./campaign-site.mjs').CacheWish} CacheWish
 * @typedef {Extract<import('./campaign-site.mjs').Message, { type: 'found' }>} Found
 * @typedef {import('./campaign-site.mjs').Operation} Operation
 * @typedef {import('./killable-chromium.mjs').KillableChromium} KillableChromium
 */

/**
 * What is read back first. `onFound` is called before anything is written.
 * @typedef {object} Reading
 * @property {CacheWish} cache
 * @property {readonly number[]} ids
 * @property {(found: Found) => void} onFound
 */

/**
 * What is written then. `untilEnough` is called when writing begins; the browser dies once what it returns resolves.
 * @typedef {object} Writing
 * @property {CacheWish} cache
 * @property {() => Operation | Promise<Operation>} next
 * @property {(operation: Operation) => void} onDone
 * @property {(entries: number) => void} onEvicted
 * @property {(browser: KillableChromium) => Promise<void>} untilEnough
 */

/** Operations under way at a time. */
const LANES = 4;
/** Starting and reading back take seconds at most, even on a loaded machine. */
const SILENCE_MS = 120_000;

/**
 * Lives one life; resolves once the browser is dead.
 * @param {object} options
 * @param {import('./campaign-site.mjs').CampaignSite} options.site
 * @param {string} options.profile
 * @param {Reading | undefined} [options.read]
 * @param {Writing | undefined} [options.write]
 * @throws Error what the page says went wrong, or that it says nothing
 */
export async function liveOnce({ site, profile, read, write }) {
  let isOver = false;
  /** Emits what the page says by its type, and `error`. */
  const page = new EventEmitter();
  const failed = once(page, 'failed').then(([{ error }]) => {
    throw new Error(`The page failed: ${error}`);
  });
  failed.catch(() => {});
  const url = site.invite((message) => {
    page.emit(message.type, message);
    switch (message.type) {
      case 'begin':
        return {
          verify: read && { cache: read.cache, ids: read.ids },
          write: write && { cache: write.cache, lanes: LANES },
        };
      case 'found':
        return read?.onFound(message);
      case 'turn':
        if (message.done !== undefined) write?.onDone(message.done);
        write?.onEvicted(message.evictedEntries ?? 0);
        // What the dead said last is true; but nothing is under way with them.
        return isOver ? null : write?.next();
      case 'failed':
        return null;
    }
  });
  const browser = startChromium(profile, url);
  const live = async () => {
    if (read !== undefined) await once(page, 'found', { signal: AbortSignal.timeout(SILENCE_MS) });
    if (write === undefined) return;
    await once(page, 'turn', { signal: AbortSignal.timeout(SILENCE_MS) });
    await write.untilEnough(browser);
  };
  try {
    await Promise.race([live(), failed]);
  } finally {
    isOver = true;
    await browser.kill();
  }
}
