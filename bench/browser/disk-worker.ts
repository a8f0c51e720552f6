/** Starts the worker of the disk benchmarks (`../worker/disk-worker.ts`). */
import { type Remote, releaseProxy, wrap } from 'comlink';
import type { DiskTasks } from '../disk-tasks';

/** A worker, started a moment ago. */
export interface DiskWorker {
  readonly tasks: Remote<DiskTasks>;
  /** Ends it on the spot, as a closed tab does. */
  terminate(): void;
}

/** Starts one. */
export function startDiskWorker(): DiskWorker {
  const worker = new Worker(new URL('../worker/disk-worker.ts', import.meta.url), { type: 'module' });
  worker.addEventListener('error', ({ message }) => reportError(new Error(message)));
  const tasks = wrap<DiskTasks>(worker);
  return {
    tasks,
    terminate: () => {
      tasks[releaseProxy]();
      worker.terminate();
    },
  };
}

/** Runs one task in a worker of its own. */
export async function inDiskWorker<Result>(run: (tasks: Remote<DiskTasks>) => Promise<Result>): Promise<Result> {
  const { tasks, terminate } = startDiskWorker();
  try {
    return await run(tasks);
  } finally {
    terminate();
  }
}
