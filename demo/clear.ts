/** The button that empties the cache the panel shows, after a question. */
import type { ShownCache } from './panel';
import { element } from './settings';

/** What is lost with each of them. */
const OWN_LOSS =
  'Every clip held in memory and on disk is deleted, except what is pinned, such as the book. The next Speak has to make its phrase again.';
const SMALL_LOSS = 'Every clip of the small cache is deleted, except what is pinned. Your phrases stay.';

/** Connects the button and its dialog to what is shown. */
export function setUpClearing(shown: ShownCache): void {
  const dialog = element('clear-dialog', HTMLDialogElement);
  element('clear', HTMLButtonElement).addEventListener('click', () => {
    element('clear-title', HTMLHeadingElement).textContent = shown.isSmall
      ? 'Clear the small cache?'
      : 'Clear the cache?';
    element('clear-loss', HTMLParagraphElement).textContent = shown.isSmall ? SMALL_LOSS : OWN_LOSS;
    dialog.returnValue = '';
    dialog.showModal();
  });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'clear') return;
    const [result, done] = shown.isSmall
      ? ['trouble-result', 'The small cache is empty, but for what is pinned.']
      : ['hint', 'The cache is empty. Press Speak: the phrase has to be made again.'];
    const say = (text: string) => {
      element(result, HTMLParagraphElement).textContent = text;
    };
    void shown.client.clear().then(
      () => say(done),
      () => say('The cache could not be emptied.'),
    );
  });
}
