/** The form: one phrase, spoken; where it came from; and the latest takes side by side. */
import type { AudioCacheClient, Clip, ClipSource } from 'reprise-cache';
import { element, type Settings } from './settings';
import { TakeList } from './take-list';
import { explainFailure, kilobytes, milliseconds, SOURCE_WORDS } from './wording';

const HINTS: Readonly<Record<ClipSource, string>> = {
  origin: 'Press Speak again: it will come from memory.',
  memory: 'Now reload the page, or close the browser and come back, and press Speak: it will come from disk.',
  disk: 'It was kept on this machine: no synthesis, no network.',
  remote: 'Another machine had made it before.',
};

/** Connects the form to the cache. */
export function setUpSpeaking(cache: AudioCacheClient, settings: Settings): void {
  const takes = new TakeList(element('takes', HTMLOListElement));
  let current = new AbortController();

  element('speak-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    current.abort();
    current = new AbortController();
    void speak(current.signal);
  });
  element('stop', HTMLButtonElement).addEventListener('click', () => current.abort());

  async function speak(signal: AbortSignal): Promise<void> {
    // Nothing is drawn before a fast answer: it would have to wait for the frame.
    const pending = setTimeout(() => showResult('One moment …'), 100);
    try {
      const spec = settings.specOf(settings.phrase);
      const startMs = performance.now();
      const clip = await cache.getOrSynthesize(spec, { signal });
      const latencyMs = performance.now() - startMs;
      clearTimeout(pending);
      showResult(describe(clip, latencyMs, settings), HINTS[clip.source], clip.source);
      takes.add({ text: spec.text, source: clip.source, latencyMs });
      await play(clip, signal);
    } catch (error) {
      // A press that was replaced by the next one has nothing to say any more.
      if (signal === current.signal) showResult(explainFailure(error) ?? 'Stopped.');
    } finally {
      clearTimeout(pending);
    }
  }
}

/** A clip that cannot be heard is still a result: what became of the sound goes into the hint. */
async function play(clip: Clip, signal: AbortSignal): Promise<void> {
  try {
    await clip.play({ signal });
  } catch (error) {
    const reason = explainFailure(error);
    if (reason !== undefined) element('hint', HTMLParagraphElement).textContent = reason;
  } finally {
    clip.release();
  }
}

function describe({ source, joined, byteLength }: Clip, latencyMs: number, settings: Settings): string {
  // Whoever joins waits for what is left of it, so the simulated delay is not a part of this figure that can be named.
  const words = joined ? 'joined the one being made' : SOURCE_WORDS[source];
  const simulated = source === 'origin' && !joined && settings.delayMs > 0 ? ` (${settings.delayMs} ms simulated)` : '';
  return `${words} · ${milliseconds(latencyMs)}${simulated} · ${kilobytes(byteLength)}`;
}

function showResult(text: string, hint = '', source?: ClipSource): void {
  const result = element('result', HTMLParagraphElement);
  result.textContent = text;
  result.dataset.source = source ?? '';
  element('hint', HTMLParagraphElement).textContent = hint;
}
