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
  /**
   * The page goes away, for good or into the back/forward cache, or is frozen to save power: let everything go, so that
   * another tab can have it at once. What the worker was writing for nobody's sake but its own is completed later.
   */
  readonly onFrozen: () => void;
  /** The page is back. */
  readonly onRestored: () => void;
}

/** Listens until the returned function is called. Does nothing where there is no document. */
export function watchPageLifecycle({ onHidden, onFrozen, onRestored }: PageLifecycleListeners): () => void {
  if (typeof document === 'undefined') return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  const onVisibility = () => {
    if (document.visibilityState === 'hidden') onHidden();
  };
  document.addEventListener('visibilitychange', onVisibility, { signal });
  addEventListener('beforeunload', onHidden, { signal });
  addEventListener('pagehide', onFrozen, { signal });
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
