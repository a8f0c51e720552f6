/** What the worker of the disk benchmarks (`worker/disk-worker.ts`) can be asked for, through Comlink. */
import type { CaseResult } from './browser/case-result';

/** One measurement, or one step of one that takes several workers. Reject when something came out wrong. */
export interface DiskTasks {
  /** What a read costs beside a bare read of the same bytes. */
  measureRead(): Promise<CaseResult>;
  /** What reads and writes cost with 1,000 and with 100,000 entries. */
  measureScale(): Promise<CaseResult>;
  /** What storing 1,000 clips costs beside IndexedDB in batches. */
  measureBulk(): Promise<CaseResult>;
  /** What the first page of a list of 100,000 entries costs. */
  measureListing(): Promise<CaseResult>;
  /** What opening costs beside IndexedDB's getAll of as much metadata. */
  measureOpen(entries: number): Promise<CaseResult>;

  /** Fills the store of this name with so many small entries and closes it. */
  fill(name: string, entries: number): Promise<void>;
  /** Opens the store of this name, checks how many entries it has, and reads one; the store stays open. */
  openAndRead(name: string, entries: number): Promise<OpenTimes>;
  /** Changes so many of the entries of the open store, and does not close it. */
  change(entries: number): Promise<void>;
  /** Closes the open store. */
  close(): Promise<void>;
}

/** How long it took until the store could be used. */
export interface OpenTimes {
  readonly openMs: number;
  readonly firstReadMs: number;
}
