/** The browser that a page or worker runs in, since targets differ. */

/** Browsers that the benchmarks run in. */
export type EngineName = 'chromium' | 'firefox';

/** The one this is. */
export const engineName: EngineName = navigator.userAgent.includes('Firefox/') ? 'firefox' : 'chromium';
