/** Replays the phrase book: every phrase once, one after the other, so that the times are those of single requests. */
import type { AudioCacheClient, ClipSource, Synthesize } from 'reprise-cache';
import { PHRASE_BOOK } from './phrase-book';
import { element, type Settings } from './settings';
import { explainFailure } from './wording';

/** How far a replay is. */
interface Progress {
  readonly countBySource: Readonly<Record<ClipSource, number>>;
  readonly elapsedMs: number;
}

/** Connects the card to the cache. `originOf` gives the synthesizer with the simulated delay or without it. */
export function setUpReplay(
  cache: AudioCacheClient,
  settings: Settings,
  originOf: (isDelayed: boolean) => Synthesize,
): void {
  const start = element('replay', HTMLButtonElement);
  const stop = element('replay-stop', HTMLButtonElement);
  const listen = element('replay-listen', HTMLInputElement);
  const delay = element('replay-delay', HTMLInputElement);
  let running: AbortController | undefined;
  /** What a pass took in which nearly everything had to be made, for comparison. */
  let firstPassMs: number | undefined;

  element('replay-count', HTMLSpanElement).textContent = String(PHRASE_BOOK.length);
  element('replay-progress', HTMLProgressElement).max = PHRASE_BOOK.length;
  start.addEventListener('click', () => {
    // aria-disabled rather than disabled: the focus stays where it is.
    if (!running) void run();
  });
  stop.addEventListener('click', () => running?.abort());

  async function run(): Promise<void> {
    running = new AbortController();
    setRunning(true);
    showResult('');
    try {
      const progress = await replay(running.signal);
      if (progress.countBySource.origin > 0.9 * PHRASE_BOOK.length) firstPassMs = progress.elapsedMs;
      showResult(summarize(progress, firstPassMs));
    } catch (error) {
      showResult(explainFailure(error) ?? 'Stopped.');
    }
    running = undefined;
    setRunning(false);
  }

  async function replay(signal: AbortSignal): Promise<Progress> {
    const synthesize = originOf(delay.checked);
    const isListening = listen.checked;
    const countBySource = { memory: 0, disk: 0, remote: 0, origin: 0 };
    const startMs = performance.now();
    showProgress({ countBySource, elapsedMs: 0 });
    for (const text of PHRASE_BOOK) {
      signal.throwIfAborted();
      const clip = await cache.getOrSynthesize(settings.specOf(text), { signal, synthesize });
      countBySource[clip.source] += 1;
      showProgress({ countBySource, elapsedMs: performance.now() - startMs });
      if (isListening) await clip.play({ signal });
      clip.release();
    }
    return { countBySource, elapsedMs: performance.now() - startMs };
  }

  function setRunning(isRunning: boolean): void {
    start.setAttribute('aria-disabled', String(isRunning));
    stop.setAttribute('aria-disabled', String(!isRunning));
  }
}

function showProgress({ countBySource, elapsedMs }: Progress): void {
  const { memory, disk, remote, origin } = countBySource;
  element('replay-progress', HTMLProgressElement).value = memory + disk + remote + origin;
  element('replay-memory', HTMLElement).textContent = String(memory);
  element('replay-disk', HTMLElement).textContent = String(disk);
  element('replay-origin', HTMLElement).textContent = String(origin);
  element('replay-elapsed', HTMLElement).textContent = seconds(elapsedMs);
}

function showResult(text: string): void {
  element('replay-result', HTMLParagraphElement).textContent = text;
}

function summarize({ countBySource, elapsedMs }: Progress, firstPassMs: number | undefined): string {
  const total = PHRASE_BOOK.length;
  const hits = total - countBySource.origin;
  if (hits < total) {
    return `${hits} of ${total} came from the cache, ${countBySource.origin} had to be made. Now replay them again.`;
  }
  const faster =
    firstPassMs === undefined ? '' : `, ${Math.round(firstPassMs / elapsedMs)} times faster than making them`;
  return `100 % hits in ${seconds(elapsedMs)}${faster}.`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`;
}
