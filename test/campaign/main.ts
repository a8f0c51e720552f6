/**
 * The page of the campaigns: reads back what an earlier life of the browser had acknowledged, then writes until the
 * browser is killed.
 *
 * It decides nothing. Each operation is handed out by the campaign's server, so that the server knows of all that may
 * have been under way, and is acknowledged to it before the next one is asked for. What the messages are:
 * scripts/campaign-site.mjs.
 */
import { AudioCacheClient } from '../../src/index';
import { firstDifference, knownAudio } from './known-audio';
import type { CacheWish, Finding, Message, Operation, Plan } from './messages';

/** So many entries are read back at a time. */
const READERS = 8;
/** A loaded machine must not make a slow answer look like a lost entry. */
const CALL_TIMEOUT_MS = 60_000;

const campaign = { openCache, knownAudio, firstDifference };

declare global {
  /** What the page lends to tests that drive it themselves. */
  var repriseCampaign: typeof campaign;
}

globalThis.repriseCampaign = campaign;
run().catch((error: unknown) => tell({ type: 'failed', error: String(error) }));

async function run(): Promise<void> {
  const { verify, write } = await tell<Plan>({ type: 'begin' });
  if (verify !== undefined) await verifyEntries(verify.cache, verify.ids);
  if (write !== undefined) await writeEntries(write.cache, write.lanes);
}

/** A client on OPFS and nothing else: memory has no room for any clip. */
function openCache({ namespace, maxBytes }: CacheWish): AudioCacheClient {
  return new AudioCacheClient({
    namespace,
    memory: { maxBytes: 1 },
    disk: { store: 'opfs', maxBytes },
    callTimeoutMs: CALL_TIMEOUT_MS,
  });
}

async function verifyEntries(wish: CacheWish, ids: readonly number[]): Promise<void> {
  const cache = openCache(wish);
  const takeEvicted = countEvictions(cache);
  await assertOnOpfs(cache);
  const waiting = [...ids];
  const findings: Finding[] = [];
  const readNext = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) findings.push(await find(cache, id));
  };
  await Promise.all(Array.from({ length: READERS }, readNext));
  const { damagedRecords, bytesOnDisk } = (await cache.stats()).tiers.disk;
  await cache.close();
  await tell({ type: 'found', findings, damagedRecords, bytesOnDisk, evictedEntries: takeEvicted() });
}

async function find(cache: AudioCacheClient, id: number): Promise<Finding> {
  const clip = await cache.get(phraseOf(id));
  if (clip === undefined) return { id };
  const version = Number(clip.metadata.custom?.version);
  const expected = knownAudio(id, version);
  const isIntact =
    clip.source === 'disk' &&
    clip.contentType === expected.contentType &&
    firstDifference(new Uint8Array(await clip.bytes()), expected.bytes) === -1;
  return { id, version, isIntact };
}

async function writeEntries(wish: CacheWish, lanes: number): Promise<void> {
  const cache = openCache(wish);
  const takeEvicted = countEvictions(cache);
  await assertOnOpfs(cache);
  const work = async () => {
    let operation = await tell<Operation | null>({ type: 'turn' });
    while (operation !== null) {
      await carryOut(cache, operation);
      operation = await tell<Operation | null>({ type: 'turn', done: operation, evictedEntries: takeEvicted() });
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
}

async function carryOut(cache: AudioCacheClient, { kind, id, version, durability }: Operation): Promise<void> {
  if (kind === 'delete') {
    await cache.delete(phraseOf(id));
    return;
  }
  const { bytes, contentType } = knownAudio(id, version);
  await cache.put(phraseOf(id), bytes.buffer, { contentType, durability, custom: { version }, transfer: true });
}

/** Counts what the disk evicts; the returned function tells how much since it was last asked. */
function countEvictions(cache: AudioCacheClient): () => number {
  let evicted = 0;
  cache.on('entries-removed', ({ tier, reason, entries }) => {
    if (tier === 'disk' && reason === 'evicted') evicted += entries;
  });
  return () => {
    const since = evicted;
    evicted = 0;
    return since;
  };
}

function phraseOf(id: number): string {
  return `This is phrase ${id}.`;
}

async function assertOnOpfs(cache: AudioCacheClient): Promise<void> {
  const { store } = (await cache.stats()).runtime;
  if (store !== 'opfs') throw new Error(`The disk is ${store} and should be opfs`);
}

async function tell<Answer>(message: Message): Promise<Answer> {
  const response = await fetch(`/campaign${location.search}`, { method: 'POST', body: JSON.stringify(message) });
  return response.json();
}
