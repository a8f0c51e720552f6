import type { ReadStorage } from '../core/cache-upkeep';

/** How this browser tells of its storage; undefined where it does not (insecure contexts, old browsers). */
export function storageReader(): ReadStorage | undefined {
  // Typed as always there; it is not.
  const { storage } = navigator as { readonly storage?: StorageManager };
  if (storage === undefined) return undefined;
  return async () => {
    const [estimate, persisted] = await Promise.allSettled([storage.estimate(), storage.persisted()]);
    const { usage, quota } = estimate.status === 'fulfilled' ? estimate.value : {};
    return {
      estimate: usage === undefined || quota === undefined ? undefined : { usageBytes: usage, quotaBytes: quota },
      persisted: persisted.status === 'fulfilled' ? persisted.value : undefined,
    };
  };
}
