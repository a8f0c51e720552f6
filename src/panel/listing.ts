/**
 * Keeps a list of a cache up to date: read again when it may have changed, one reading at a time, and so seldom that the
 * worker spends at most a tenth of its time on it. An answer to what is no longer asked for is dropped.
 */

/** How long to leave the worker alone after a reading, as a multiple of what it took. */
const REST_FACTOR = 9;

/** A list that is read anew when it has to be. */
export interface Listing<Query> {
  /** Something came or went: the next tick reads it again. */
  readonly invalidate: () => void;
  /** Reads now, or once the reading under way has ended; with a query, by that from now on. */
  readonly read: (query?: Query) => void;
  /** Reads if something came or went; to be called about once a second. Returns whether it does. */
  readonly tick: () => boolean;
  readonly query: () => Query;
}

/** What a listing is made from. `isWanted` turns false when something else has been asked for meanwhile. */
export interface ListingOptions<Query, Answer> {
  readonly first: Query;
  readonly load: (query: Query, isWanted: () => boolean) => Promise<Answer>;
  readonly show: (answer: Answer, query: Query) => void;
  readonly fail: (error: unknown) => void;
}

/** Creates the listing; nothing is read yet. */
export function createListing<Query extends object, Answer>(options: ListingOptions<Query, Answer>): Listing<Query> {
  const { load, show, fail } = options;
  let query = options.first;
  let isStale = true;
  let isReading = false;
  let restsUntilMs = 0;

  async function read(): Promise<void> {
    isStale = true;
    if (isReading) return;
    isReading = true;
    let asked: Query;
    do {
      asked = query;
      isStale = false;
      const startMs = performance.now();
      try {
        const answer = await load(asked, () => asked === query);
        if (asked === query) show(answer, asked);
      } catch (error) {
        isStale = true;
        if (asked === query) fail(error);
      }
      restsUntilMs = performance.now() + REST_FACTOR * (performance.now() - startMs);
    } while (asked !== query);
    isReading = false;
  }

  return {
    invalidate: () => {
      isStale = true;
    },
    read: (next = query) => {
      query = next;
      void read();
    },
    tick: () => {
      if (!isStale || isReading || performance.now() < restsUntilMs) return false;
      void read();
      return true;
    },
    query: () => query,
  };
}

/** Brings the rows of a list into the order of the keys, from `first` on; keeps those that are there, and the focus. */
export function arrange<Row extends { readonly root: HTMLElement }>(
  list: HTMLElement,
  rows: Map<string, Row>,
  keys: readonly string[],
  create: (key: string) => Row,
  first: Element | null = list.firstElementChild,
): void {
  // The list stands in a shadow root, whose activeElement is the HTML element focused inside it.
  const focused = (list.getRootNode() as ShadowRoot).activeElement as HTMLElement | null;
  const wanted = new Set(keys);
  let next = first;
  for (const [key, row] of rows) {
    if (wanted.has(key)) continue;
    if (row.root === next) next = next.nextElementSibling;
    row.root.remove();
    rows.delete(key);
  }
  for (const key of keys) {
    const row = rows.get(key) ?? create(key);
    rows.set(key, row);
    if (row.root === next) next = next.nextElementSibling;
    else list.insertBefore(row.root, next);
  }
  // A row that moved took the focus away from its buttons; a removed one is not focusable and changes nothing.
  focused?.focus({ preventScroll: true });
}
