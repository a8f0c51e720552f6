/**
 * Which I/O operation fails, and how, as browsers and Node were seen to fail.
 *
 * Operations are counted from 1 over all files. A fault only strikes operations of its kind: a full disk does not fail
 * a read, and needs no more room for bytes that it has already.
 */

/** What a store does with its files, as counted. A write that makes no file longer is an `overwrite`. */
export type IoOperation = 'list' | 'open' | 'remove' | 'read' | 'write' | 'overwrite' | 'truncate' | 'flush' | 'size';

/** How an operation fails. `short` and `zero` take half or none of the bytes, and throw nothing. */
export type Fault = 'ENOSPC' | 'EIO' | 'short' | 'zero';

/** All there are. */
export const FAULTS: readonly Fault[] = ['ENOSPC', 'EIO', 'short', 'zero'];

const STRUCK_BY: Readonly<Record<Fault, ReadonlySet<IoOperation>>> = {
  ENOSPC: new Set<IoOperation>(['open', 'write', 'truncate', 'flush']),
  EIO: new Set<IoOperation>(['list', 'open', 'remove', 'read', 'write', 'overwrite', 'truncate', 'flush', 'size']),
  short: new Set<IoOperation>(['write']),
  zero: new Set<IoOperation>(['write']),
};

/** One fault, and when. */
export interface PlannedFault {
  readonly fault: Fault;
  /** The first operation struck, counted from now on: 1 is the next one. Only operations that the fault can strike count. */
  readonly atOperation: number;
  /** Every later one is struck as well. */
  readonly isPersistent?: boolean | undefined;
  /** Strikes only these. */
  readonly operations?: readonly IoOperation[] | undefined;
  /** Strikes only the files this is true of. */
  readonly isMeant?: ((fileName: string) => boolean) | undefined;
}

/** Says of each operation whether it fails. */
export class FaultPlan {
  #fault: PlannedFault | undefined;
  #countedOperations = 0;
  #firstStruck: string | undefined;

  /** The first operation that was struck, in words; undefined while none was. */
  get firstStruck(): string | undefined {
    return this.#firstStruck;
  }

  /** Forgets the last fault planned, and plans another one or none. */
  plan(fault: PlannedFault | undefined): void {
    this.#fault = fault;
    this.#countedOperations = 0;
    this.#firstStruck = undefined;
  }

  /** The fault that strikes this operation, if one does. */
  strike(operation: IoOperation, fileName: string): Fault | undefined {
    const planned = this.#fault;
    if (planned === undefined || !STRUCK_BY[planned.fault].has(operation)) return undefined;
    if (planned.operations?.includes(operation) === false || planned.isMeant?.(fileName) === false) return undefined;
    this.#countedOperations++;
    const isStruck =
      planned.isPersistent === true
        ? this.#countedOperations >= planned.atOperation
        : this.#countedOperations === planned.atOperation;
    if (!isStruck) return undefined;
    this.#firstStruck ??= `${operation} ${fileName}`;
    return planned.fault;
  }
}
