/**
 * Who may use which data: Web Locks by namespace and version.
 *
 * `reprise:NAMESPACE:vVERSION` is held by the one worker whose engine has the files open; nobody steals it, and it goes
 * with its worker, however that ends. `reprise:NAMESPACE:vVERSION:in-use` is shared by all workers that keep anything
 * under that version, in whatever store, so whoever gets it alone may delete all of it. A namespace holds no colon, so
 * no two names coincide.
 */
import type { Clock } from '../core/clock';

/** A lock that is held until it is let go of or its worker ends. */
export interface HeldLock {
  /** Lets go of it. Twice is fine. */
  readonly release: () => void;
}

/** How a lock is asked for. */
export interface LockWish {
  readonly mode: LockMode;
  /** How long to wait for others to let go; 0 takes it at once or not at all. */
  readonly waitMs: number;
}

/** Names the lock of the one engine that has the files of a version open. */
export function engineLockName(namespace: string, version: number): string {
  return `reprise:${namespace}:v${version}`;
}

/** Names the lock shared by all that keep something under a version. */
export function inUseLockName(namespace: string, version: number): string {
  return `${engineLockName(namespace, version)}:in-use`;
}

/**
 * Takes a lock; resolves to undefined when others have held it all the while.
 * @throws whatever the platform says where there are no Web Locks: a TypeError in an insecure context or an old
 * browser, a `SecurityError` in a sandboxed frame
 */
export function takeLock(name: string, { mode, waitMs }: LockWish, clock: Clock): Promise<HeldLock | undefined> {
  return new Promise((resolve, reject) => {
    const patience = new AbortController();
    const cancelTimer = waitMs > 0 ? clock.schedule(() => patience.abort(), waitMs) : () => {};
    // The two cannot be combined.
    const options: LockOptions = waitMs > 0 ? { mode, signal: patience.signal } : { mode, ifAvailable: true };
    const hold = (lock: Lock | null) => {
      cancelTimer();
      if (lock === null) return resolve(undefined);
      // The lock is held for as long as this promise is pending.
      return new Promise<void>((release) => resolve({ release }));
    };
    navigator.locks.request(name, options, hold).catch((error: unknown) => {
      cancelTimer();
      if (patience.signal.aborted) resolve(undefined);
      else reject(error);
    });
  });
}
