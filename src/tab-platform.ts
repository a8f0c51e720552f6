/** What tabs share by. */
export interface TabPlatform {
  readonly locks: LockManager;
  readonly openChannel: (name: string) => BroadcastChannel;
  /** A page that waits for a lock stays eligible for the back/forward cache. */
  readonly mayQueue: boolean;
}

/** What the browser has; undefined in an insecure context and in old browsers. */
export function browserPlatform(): TabPlatform | undefined {
  // Typed as always there; neither is.
  const { locks } = (globalThis.navigator ?? {}) as { readonly locks?: LockManager };
  if (locks === undefined || typeof BroadcastChannel === 'undefined') return undefined;
  // So it is in Chromium, the only one with this event; in Firefox a page that waits is not kept.
  const mayQueue = 'onfreeze' in (globalThis.document ?? {});
  return { locks, openChannel: (name) => new BroadcastChannel(name), mayQueue };
}
