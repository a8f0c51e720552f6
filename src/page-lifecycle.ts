/**
 * What the browser tells a page about its own end.
 *
 * `visibilitychange` to hidden is the last moment that can be relied on; `beforeunload` runs the same, as far as the
 * browser lets it, and is left alone otherwise: `unload` would keep the page out of the back/forward cache. What a
 * page is cut off from, the cleanup soon after the next start completes.
 */

/** What a client does at the turns of a page's life. */
export interface PageLifecycleListeners {
  /** The page may be gone in a moment: bring to safety what is pending. */
  readonly onHidden: () => void;
  /** The page is frozen, for the back/forward cache or to save power, and its worker with it: let everything go. */
  readonly onFrozen: () => void;
  /** The page is back. */
  readonly onRestored: () => void;
  /** The page goes away and does not come back. */
  readonly onGone: () => void;
}

/** Listens until the returned function is called. Does nothing where there is no document. */
export function watchPageLifecycle({ onHidden, onFrozen, onRestored, onGone }: PageLifecycleListeners): () => void {
  if (typeof document === 'undefined') return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  const onVisibility = () => {
    if (document.visibilityState === 'hidden') onHidden();
  };
  document.addEventListener('visibilitychange', onVisibility, { signal });
  addEventListener('beforeunload', onHidden, { signal });
  addEventListener(
    'pagehide',
    (event) => {
      // The worker of a page that may not come back goes on writing for as long as it is left alive.
      if (event.persisted) onFrozen();
      else onGone();
    },
    { signal },
  );
  addEventListener(
    'pageshow',
    (event) => {
      if (event.persisted) onRestored();
    },
    { signal },
  );
  // Chromium freezes pages that were in the background for long.
  document.addEventListener('freeze', onFrozen, { signal });
  document.addEventListener('resume', onRestored, { signal });
  return () => stop.abort();
}
