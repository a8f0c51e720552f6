/** Time as the rest of `core` sees it: handed in, so that tests own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  schedule(callback: () => void, delayMs: number): () => void;
}

/** The platform's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  schedule: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
