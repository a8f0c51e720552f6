/**
 * `npm run test:powerloss`: pulls the plug on a Chromium that writes durable entries, and reads what the disk kept.
 *
 * The browser's profile lies on a disk of its own (scripts/loop-disk.mjs). In the middle of writing the browser is
 * stopped, the disk is copied as it is, and another Chromium reads the copy: each acknowledged durable entry must be
 * there. Twice: with a store whose spare files were made a while ago, and with one that was made seconds before, whose
 * file names a power cut takes. For comparison, relaxed entries go the same way; of these many are lost, or the test
 * would show nothing. Needs Linux, root and loop devices; says so where they are missing, which is no failure.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fail, install } from './install.mjs';

install();

const { CampaignLedger, seededRandom } = await import('./campaign-ledger.mjs');
const { liveOnce } = await import('./campaign-life.mjs');
const { serveCampaign } = await import('./campaign-site.mjs');
const { LoopDisk } = await import('./loop-disk.mjs');

const DISK_MEGABYTES = 512;
const CACHE = { namespace: 'powerloss', maxBytes: 64 * 1024 * 1024 };
const PHRASES = 150;
const WRITING_MS = 3_000;
/** Above what worker/opfs-file.ts takes for old enough. */
const AGING_MS = 70_000;
/** Written at once, so that there are spare files that can age. */
const EARLY_OPERATIONS = 5;

/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {number} agingMs how long the store is left alone before it is written to
 * @property {'relaxed' | 'durable'} durability
 */

/** @type {readonly Variant[]} */
const VARIANTS = [
  { name: 'aged store, durable', agingMs: AGING_MS, durability: 'durable' },
  { name: 'young store, durable', agingMs: 0, durability: 'durable' },
  { name: 'young store, relaxed (for comparison)', agingMs: 0, durability: 'relaxed' },
];

const folder = mkdtempSync(join(tmpdir(), 'reprise-powerloss-'));
/** @type {InstanceType<typeof LoopDisk>[]} */
const disks = [];
process.once('exit', () => {
  // The other way round their contents would be deleted file by file.
  for (const disk of disks) disk.unmount();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});
// The terminal's Ctrl-C, too, has to let go of the disks.
process.once('SIGINT', () => process.exit(1));

const refusal = reasonNotToRun();
if (refusal !== undefined) {
  console.log(`not run: ${refusal}`);
  process.exit();
}

try {
  const site = await serveCampaign();
  for (const [index, variant] of VARIANTS.entries()) {
    const { acknowledged, held, lost, corrupt, problems } = await pullThePlug(site, variant, String(index));
    console.log(
      `${variant.name}: ${acknowledged} acknowledged, ${held} entries to be held, ${lost} lost, ${corrupt} corrupt`,
    );
    if (variant.durability === 'durable') {
      for (const problem of problems) console.log(`  ${problem}`);
    }
    if (corrupt > 0 || (lost > 0 && variant.durability === 'durable')) process.exitCode = 1;
  }
  await site.close();
} catch (error) {
  fail(error);
}
process.exit();

/** Why this machine cannot mount a disk of ours; undefined when it can. */
function reasonNotToRun() {
  if (process.platform !== 'linux') return 'simulated power loss needs Linux';
  if (process.getuid?.() !== 0) return 'simulated power loss needs root, to mount a disk of its own';
  const disk = createDisk('trial');
  try {
    disk.create(16);
    return undefined;
  } catch (error) {
    return `simulated power loss needs a loop device (${error instanceof Error ? error.message : error})`;
  }
}

/** @param {string} name */
function createDisk(name) {
  const disk = new LoopDisk(join(folder, name));
  disks.push(disk);
  return disk;
}

/**
 * @param {import('./campaign-site.mjs').CampaignSite} site
 * @param {Variant} variant
 * @param {string} place
 */
async function pullThePlug(site, { agingMs, durability }, place) {
  const ledger = new CampaignLedger({ random: seededRandom(1), phrases: PHRASES, puts: durability });
  const running = createDisk(join(place, 'running'));
  const kept = createDisk(join(place, 'kept'));
  running.create(DISK_MEGABYTES);
  const aged = delay(agingMs);
  let turns = 0;
  await liveOnce({
    site,
    profile: join(running.mount, 'profile'),
    write: {
      cache: CACHE,
      next: async () => {
        if (turns++ >= EARLY_OPERATIONS) await aged;
        return ledger.next();
      },
      onDone: (operation) => ledger.acknowledge(operation),
      onEvicted: (entries) => ledger.noteEvicted(entries),
      untilEnough: async (browser) => {
        await aged;
        await delay(WRITING_MS);
        browser.freeze();
        kept.copyFrom(running);
      },
    },
  });
  const { acknowledged, held } = ledger;
  /** @type {ReturnType<typeof ledger.judge> | undefined} */
  let verdict;
  await liveOnce({
    site,
    profile: join(kept.mount, 'profile'),
    read: {
      cache: CACHE,
      ids: ledger.ids,
      onFound: ({ findings }) => {
        verdict = ledger.judge(findings);
      },
    },
  });
  if (verdict === undefined) throw new Error('Nothing was read back');
  return { ...verdict, acknowledged, held };
}
