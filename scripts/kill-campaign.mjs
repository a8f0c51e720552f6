/**
 * Cycles of kill -9 on a Chromium that writes, and of reading back in the next one, over one profile.
 *
 * Two caches take turns. `roomy` never has to evict: everything acknowledged must be there. `tight` holds a fraction of
 * what is written, so that segments are compacted and entries evicted while the browser dies: there a missing entry
 * counts as `gone` as long as no more are missing than were evicted or the cache is as full as eviction leaves it, and as lost
 * beyond that. Wrong bytes, older versions
 * and deleted entries that come back count in both.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CampaignLedger, seededRandom } from './campaign-ledger.mjs';
import { liveOnce } from './campaign-life.mjs';
import { serveCampaign } from './campaign-site.mjs';

const MIB = 1024 * 1024;
/** Of 54 KiB in the mean: some 15 MiB when nearly all are held. */
const PHRASES = 300;
/** Every third cycle writes to the cache that is too small. */
const TIGHT_EVERY = 3;
const TIGHT_BYTES = 8 * MIB;
const MIN_WRITING_MS = 100;

/**
 * What one kill did.
 * @typedef {object} CycleReport
 * @property {number} cycle
 * @property {'roomy' | 'tight'} cache
 * @property {number} writingMs
 * @property {number} acknowledged operations: puts, replacements and deletions
 * @property {number} held entries that were acknowledged and must be there, those of earlier cycles included
 * @property {number} gone entries of `tight` that were missing, no more than were evicted
 * @property {number} untold of those, how many beyond the evictions that the page was told of and 50 more
 * @property {number} lost
 * @property {number} corrupt
 * @property {number} damagedRecords what the engine found damaged when it was opened and read; a torn tail is no damage
 * @property {readonly string[]} problems a line for each one lost or corrupt
 */

/**
 * What all of them did.
 * @typedef {Pick<CycleReport, 'acknowledged' | 'gone' | 'lost' | 'corrupt'> & { cycles: number }} CampaignReport
 */

/**
 * Runs a campaign; resolves when the last cycle, too, was read back.
 * @param {object} options
 * @param {number} options.cycles
 * @param {number} options.seed
 * @param {number} [options.maxWritingMs] the browser writes between 100 ms and this long
 * @param {(report: CycleReport) => void} [options.onCycle]
 * @returns {Promise<CampaignReport>}
 * @throws Error what the page says went wrong, or that it says nothing
 */
export async function runKillCampaign({ cycles, seed, maxWritingMs = 1_500, onCycle = () => {} }) {
  const random = seededRandom(seed);
  const roomy = {
    name: /** @type {const} */ ('roomy'),
    cache: { namespace: 'roomy', maxBytes: 1024 * MIB },
    ledger: new CampaignLedger({ random, phrases: PHRASES }),
  };
  const tight = {
    name: /** @type {const} */ ('tight'),
    cache: { namespace: 'tight', maxBytes: TIGHT_BYTES },
    ledger: new CampaignLedger({ random, phrases: PHRASES, maxBytes: TIGHT_BYTES }),
  };
  /** @type {CampaignReport} */
  const total = { cycles: 0, acknowledged: 0, gone: 0, lost: 0, corrupt: 0 };
  const profile = mkdtempSync(join(tmpdir(), 'reprise-kill-'));
  const site = await serveCampaign();
  /** @type {import('./campaign-life.mjs').Reading | undefined} */
  let read;
  try {
    for (let cycle = 1; cycle <= cycles; cycle++) {
      const { name, cache, ledger } = cycle % TIGHT_EVERY === 0 ? tight : roomy;
      const writingMs = Math.round(MIN_WRITING_MS + random() * (maxWritingMs - MIN_WRITING_MS));
      const acknowledgedBefore = ledger.acknowledged;
      await liveOnce({
        site,
        profile,
        read,
        write: {
          cache,
          next: () => ledger.next(),
          onDone: (operation) => ledger.acknowledge(operation),
          onEvicted: (entries) => ledger.noteEvicted(entries),
          untilEnough: () => delay(writingMs),
        },
      });
      /** @type {import('./campaign-life.mjs').Reading['onFound']} */
      const onFound = ({ findings, damagedRecords, bytesOnDisk, evictedEntries }) => {
        ledger.noteEvicted(evictedEntries);
        const acknowledged = ledger.acknowledged - acknowledgedBefore;
        const { held } = ledger;
        const { gone, untold, lost, corrupt, problems } = ledger.judge(findings, bytesOnDisk);
        onCycle({
          cycle,
          cache: name,
          writingMs,
          acknowledged,
          held,
          gone,
          untold,
          lost,
          corrupt,
          damagedRecords,
          problems,
        });
        total.cycles++;
        total.acknowledged += acknowledged;
        total.gone += gone;
        total.lost += lost;
        total.corrupt += corrupt;
      };
      read = { cache, ids: ledger.ids, onFound };
    }
    await liveOnce({ site, profile, read });
  } finally {
    await site.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
  return total;
}
