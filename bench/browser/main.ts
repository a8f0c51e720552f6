/**
 * Runs the cases in the browser, one after the other, and posts to the runner (scripts/bench-browser.mjs) what they
 * found. `?only=NAME` runs the cases with one of these names.
 */
import { measureBulk } from './bulk';
import type { CaseResult } from './case-result';
import { measureCleanup } from './cleanup';
import { measureDiskHit } from './disk-hit';
import { measureDiskOpen } from './disk-open';
import { inDiskWorker } from './disk-worker';
import { measureKey } from './key';
import { measureMemoryFlat } from './memory-flat';
import { measureMemoryHit } from './memory-hit';
import { measureMemoryHitBesidePeers } from './memory-hit-peers';
import { measureMiss } from './miss';
import { measureOperationLog } from './operation-log';
import { measurePanel } from './panel';
import { measurePut } from './put';
import { ageFiles, measurePutDurable } from './put-durable';
import { measureStart } from './start';

const only = new URL(location.href).searchParams.getAll('only');
const isWanted = (name: string) => only.length === 0 || only.includes(name);
// Begun first and waited for last: it takes a minute in which other cases can run.
const aging = isWanted('putDurable') ? ageFiles() : undefined;

const CASES: Readonly<Record<string, () => Promise<CaseResult>>> = {
  memoryHit: measureMemoryHit,
  memoryHitBesidePeers: measureMemoryHitBesidePeers,
  diskHit: measureDiskHit,
  diskRead: () => inDiskWorker((tasks) => tasks.measureRead()),
  diskScale: () => inDiskWorker((tasks) => tasks.measureScale()),
  diskOpen: measureDiskOpen,
  put: measurePut,
  bulk: measureBulk,
  miss: measureMiss,
  key: measureKey,
  start: measureStart,
  operationLog: measureOperationLog,
  panel: measurePanel,
  putDurable: async () => measurePutDurable(await (aging ?? ageFiles())),
  listing: () => inDiskWorker((tasks) => tasks.measureListing()),
  cleanup: measureCleanup,
  memoryFlat: measureMemoryFlat,
};

addEventListener('error', ({ message }) => void report({ error: message }));
addEventListener('unhandledrejection', ({ reason }) => void report({ error: `${reason}` }));
void run().then((result) => report({ result }));

async function run(): Promise<Readonly<Record<string, unknown>>> {
  if (!crossOriginIsolated) throw new Error('The page is not cross-origin isolated: its timers are too coarse');
  const rowsByCase: Record<string, CaseResult['rows']> = {};
  const targets: CaseResult['targets'][number][] = [];
  for (const [name, measure] of Object.entries(CASES)) {
    if (!isWanted(name)) continue;
    await report({ progress: `${name} …` });
    const result = await measure();
    rowsByCase[name] = result.rows;
    targets.push(...result.targets);
  }
  return { targets, ...rowsByCase };
}

async function report(what: { progress: string } | { result: object } | { error: string }): Promise<void> {
  await fetch('/report', { method: 'POST', body: JSON.stringify(what) });
}
