/** The button that takes the demo's origin away, as a lost connection would. */
import { element } from './settings';

/** Connects the button; the returned function tells whether the demo pretends to be offline. */
export function setUpOffline(): () => boolean {
  const button = element('offline', HTMLButtonElement);
  const result = element('offline-result', HTMLParagraphElement);
  let isOffline = false;
  button.addEventListener('click', () => {
    isOffline = !isOffline;
    button.setAttribute('aria-pressed', String(isOffline));
    result.textContent = isOffline
      ? 'Offline, simulated: the origin refuses every phrase. Speak one that you have heard, then a new one.'
      : 'Online again.';
  });
  return () => isOffline;
}
