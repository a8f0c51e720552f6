/** The button that empties the cache, after a question. */
import type { AudioCacheClient } from 'reprise-cache';
import { element } from './settings';

/** Connects the button and its dialog to the cache. */
export function setUpClearing(cache: AudioCacheClient): void {
  const dialog = element('clear-dialog', HTMLDialogElement);
  element('clear', HTMLButtonElement).addEventListener('click', () => {
    dialog.returnValue = '';
    dialog.showModal();
  });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'clear') return;
    void cache.clear().then(
      () => showHint('The cache is empty. Press Speak: the phrase has to be made again.'),
      () => showHint('The cache could not be emptied.'),
    );
  });
}

function showHint(text: string): void {
  element('hint', HTMLParagraphElement).textContent = text;
}
