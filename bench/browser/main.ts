/**
 * Runs the cases in the browser, one after the other, and hands the result to the runner (scripts/bench-browser.mjs).
 * `?only=NAME` runs the cases with one of these names.
 */
import type { CaseResult } from './case-result';
import { measureDiskHit } from './disk-hit';
import { measureKey } from './key';
import { measureMemoryFlat } from './memory-flat';
import { measureMemoryHit } from './memory-hit';
import { measureMemoryHitBesidePeers } from './memory-hit-peers';
import { measureMiss } from './miss';
import { measurePut } from './put';
import { measureStart } from './start';

declare global {
  interface Window {
    /** What the runner waits for. */
    benchResult?: Promise<Readonly<Record<string, unknown>>>;
  }
}

const CASES: Readonly<Record<string, () => Promise<CaseResult>>> = {
  memoryHit: measureMemoryHit,
  memoryHitBesidePeers: measureMemoryHitBesidePeers,
  diskHit: measureDiskHit,
  put: measurePut,
  miss: measureMiss,
  key: measureKey,
  start: measureStart,
  memoryFlat: measureMemoryFlat,
};

window.benchResult = run();

async function run(): Promise<Readonly<Record<string, unknown>>> {
  if (!crossOriginIsolated) throw new Error('The page is not cross-origin isolated: its timers are too coarse');
  const only = new URL(location.href).searchParams.getAll('only');
  const rowsByCase: Record<string, CaseResult['rows']> = {};
  const targets: CaseResult['targets'][number][] = [];
  for (const [name, measure] of Object.entries(CASES)) {
    if (only.length > 0 && !only.includes(name)) continue;
    console.log(`${name} …`);
    const result = await measure();
    rowsByCase[name] = result.rows;
    targets.push(...result.targets);
  }
  return { targets, ...rowsByCase };
}
