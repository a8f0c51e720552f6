import type { TabRuntime } from './tab-service';

/** What this worker has to serve other tabs with; undefined in an insecure context and in old browsers. */
export function tabRuntime(): TabRuntime | undefined {
  // Typed as always there; neither is.
  const { locks } = navigator as { readonly locks?: LockManager };
  if (locks === undefined || typeof BroadcastChannel === 'undefined') return undefined;
  return { locks, openChannel: (name) => new BroadcastChannel(name) };
}
