/**
 * Question: how long until a store of 10,000 or 100,000 entries can be used?
 *
 * Opening is compared with IndexedDB's getAll of as much metadata, inside one worker (`../worker/open.ts`). What a page
 * waits for is the whole way from starting a worker to the first clip: after the store was closed, and after its worker
 * was ended in the middle of writing.
 */
import { median, rounded } from '../statistics';
import { judge } from '../targets';
import type { CaseResult } from './case-result';
import { inDiskWorker, startDiskWorker } from './disk-worker';

const COMPARED_ENTRIES = 10_000;
const STARTED_ENTRIES = 100_000;
const STARTS = 5;
/** What the worker that is ended has changed: it has to be read from the log again. */
const CHANGED_ENTRIES = 2_000;
const LIMIT_MS = 1_000;
/** A browser lets go of the files of a worker that was ended some 30 to 110 ms later. */
const LETTING_GO_MS = 500;

/** Measures both. */
export async function measureDiskOpen(): Promise<CaseResult> {
  const compared = await inDiskWorker((tasks) => tasks.measureOpen(COMPARED_ENTRIES));
  const name = `start-${STARTED_ENTRIES}`;
  await inDiskWorker((tasks) => tasks.fill(name, STARTED_ENTRIES));
  const afterClose: Start[] = [];
  const afterKill: Start[] = [];
  for (let start = 0; start < STARTS; start++) {
    afterClose.push(await measureStart(name, CHANGED_ENTRIES));
    afterKill.push(await measureStart(name, 0));
  }
  const starts = [
    { label: 'after it was closed', times: afterClose },
    { label: 'after its worker was ended in the middle of writing', times: afterKill },
  ];
  return {
    rows: [
      ...compared.rows,
      ...starts.map(({ label, times }) => ({
        case: `${STARTED_ENTRIES} entries, ${label}`,
        toFirstClipMs: rounded(median(times.map(({ totalMs }) => totalMs))),
        slowestMs: rounded(Math.max(...times.map(({ totalMs }) => totalMs))),
        openMs: rounded(median(times.map(({ openMs }) => openMs))),
        firstReadMs: rounded(median(times.map(({ firstReadMs }) => firstReadMs))),
        starts: STARTS,
      })),
    ],
    targets: [
      ...compared.targets,
      ...starts.map(({ label, times }) =>
        judge(
          `${STARTED_ENTRIES} entries, ms from a new worker to its first clip ${label}`,
          median(times.map(({ totalMs }) => totalMs)),
          LIMIT_MS,
        ),
      ),
    ],
  };
}

interface Start {
  readonly totalMs: number;
  readonly openMs: number;
  readonly firstReadMs: number;
}

/** Starts a worker and ends it: in the middle of writing, or with the store closed if nothing is to be changed. */
async function measureStart(name: string, changedEntries: number): Promise<Start> {
  await new Promise((resolve) => setTimeout(resolve, LETTING_GO_MS));
  const startedAt = performance.now();
  const { tasks, terminate } = startDiskWorker();
  const times = await tasks.openAndRead(name, STARTED_ENTRIES);
  const totalMs = performance.now() - startedAt;
  if (changedEntries > 0) await tasks.change(changedEntries);
  else await tasks.close();
  terminate();
  return { ...times, totalMs };
}
