/** What tabs share by. */
export interface TabPlatform {
  readonly locks: LockManager;
  readonly openChannel: (name: string) => BroadcastChannel;
}

/** What the browser has; undefined in an insecure context and in old browsers. */
export function browserPlatform(): TabPlatform | undefined {
  // Typed as always there; neither is.
  const { locks } = (globalThis.navigator ?? {}) as { readonly locks?: LockManager };
  if (locks === undefined || typeof BroadcastChannel === 'undefined') return undefined;
  return { locks, openChannel: (name) => new BroadcastChannel(name) };
}
