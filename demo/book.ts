/**
 * A small book to have with you: its sentences are made ahead, kept as a collection and pinned, so that nothing evicts
 * them and none expires.
 */
import type { AudioCacheClient, SpeechSpec, Synthesize } from 'reprise-cache';
import { BOOK } from './phrase-book';
import { element } from './settings';
import { explainFailure } from './wording';

const NAME = 'Fifty sentences';

/** Connects the card to the cache. The book is always read by the same voice: another one would be another book. */
export function setUpBook(cache: AudioCacheClient, synthesize: Synthesize): void {
  const download = element('book-download', HTMLButtonElement);
  const listen = element('book-listen', HTMLButtonElement);
  const stop = element('book-stop', HTMLButtonElement);
  const remove = element('book-remove', HTMLButtonElement);
  const progress = element('book-progress', HTMLProgressElement);
  const result = element('book-result', HTMLParagraphElement);
  let running: AbortController | undefined;

  progress.max = BOOK.length;
  download.addEventListener('click', () => void run(fetchAll));
  listen.addEventListener('click', () => void run(readAloud));
  remove.addEventListener('click', () => void run(forget));
  stop.addEventListener('click', () => running?.abort());
  // Another tab, or the panel, may take it away.
  cache.on('labels-changed', () => {
    if (!running) void showHeld();
  });
  void showHeld();

  async function fetchAll(signal: AbortSignal): Promise<void> {
    for (const [index, text] of BOOK.entries()) {
      signal.throwIfAborted();
      const clip = await cache.getOrSynthesize(specOf(text), { signal, synthesize, collections: [NAME] });
      clip.release();
      // There is nothing to pin before the first sentence is in; from then on every further one is pinned with it.
      if (index === 0) await cache.pin({ collection: NAME });
      progress.value = index + 1;
      result.textContent = `${index + 1} of ${BOOK.length} …`;
    }
  }

  async function readAloud(signal: AbortSignal): Promise<void> {
    for (const text of BOOK) {
      signal.throwIfAborted();
      result.textContent = text;
      const clip = await cache.getOrSynthesize(specOf(text), { signal, synthesize });
      try {
        await clip.play({ signal });
      } finally {
        clip.release();
      }
    }
  }

  async function forget(): Promise<void> {
    await cache.deleteCollection(NAME);
  }

  async function run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    stop.setAttribute('aria-disabled', 'false');
    let failure: string | undefined;
    try {
      await work(mine.signal);
    } catch (error) {
      failure = explainFailure(error);
    }
    if (running !== mine) return;
    running = undefined;
    stop.setAttribute('aria-disabled', 'true');
    await showHeld();
    if (failure !== undefined) result.textContent = failure;
  }

  async function showHeld(): Promise<void> {
    const held = await cache.collection(NAME).catch(() => undefined);
    if (running) return;
    progress.value = held?.entries ?? 0;
    result.textContent = describe(held?.entries ?? 0, held?.pinned ?? false);
  }
}

function describe(held: number, isPinned: boolean): string {
  if (held === 0) return 'Not downloaded yet.';
  if (held < BOOK.length) return `${held} of ${BOOK.length} sentences are here. Download goes on where it stopped.`;
  return `Complete${isPinned ? ' and pinned' : ''}: it can be heard offline.`;
}

function specOf(text: string): SpeechSpec {
  return { text, voice: 'slt', speed: 1, provider: 'flite', format: 'wav', sampleRate: 16_000 };
}
