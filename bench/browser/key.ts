/** Question: what does the key of a spec cost where it is made, in a worker of the browser? */
import { DEFAULT_SUBJECT } from '../key-subjects';
import { rounded } from '../statistics';
import { judge } from '../targets';
import type { CaseResult } from './case-result';

const LIMIT_US = 5;

/** Microseconds for a key, by subject. */
export type KeyTimes = Readonly<Record<string, number>>;

/** Measures in a worker that does nothing else. */
export async function measureKey(): Promise<CaseResult> {
  const worker = new Worker(new URL('./key-worker.ts', import.meta.url), { type: 'module' });
  const times = await new Promise<KeyTimes>((resolve, reject) => {
    worker.addEventListener('message', ({ data }: MessageEvent<KeyTimes>) => resolve(data));
    worker.addEventListener('error', ({ message }) => reject(new Error(message)));
  });
  worker.terminate();
  const rows = Object.entries(times).map(([subject, microseconds]) => ({
    case: 'key in a worker',
    subject,
    microseconds: rounded(microseconds),
  }));
  const target = judge(`µs for the key of a ${DEFAULT_SUBJECT}`, times[DEFAULT_SUBJECT] ?? Number.NaN, LIMIT_US);
  return { rows, targets: [target] };
}
