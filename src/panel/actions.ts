/** Buttons that do something which takes a while or cannot be taken back, and files handed to the person. */
import { element, setText } from './dom';

/** An armed button goes back to its label after this time. */
const ARMED_MS = 5000;

/** What a person is told about whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Creates a button. While its work goes on a further press does nothing, yet it keeps the focus, which a disabled one
 * would lose. What the work resolves to is said in the line of status, and so is why it failed.
 */
export function actionButton(
  label: string,
  status: HTMLElement,
  work: () => Promise<string | undefined>,
): HTMLButtonElement {
  const button = element('button', { type: 'button' }, label);
  let isBusy = false;
  button.onclick = async () => {
    if (isBusy) return;
    isBusy = true;
    button.setAttribute('aria-disabled', 'true');
    try {
      const said = await work();
      if (said !== undefined) setText(status, said);
    } catch (error) {
      setText(status, messageOf(error));
    }
    isBusy = false;
    button.removeAttribute('aria-disabled');
  };
  return button;
}

/** Makes a button ask before it acts: the first press changes its label into the question, the second one counts. */
export function askFirst(button: HTMLButtonElement, question: string): HTMLButtonElement {
  const { textContent: label, onclick: act } = button;
  const name = button.getAttribute('aria-label');
  let timer: ReturnType<typeof setTimeout> | undefined;
  const disarm = () => {
    clearTimeout(timer);
    timer = undefined;
    setText(button, label ?? '');
    if (name !== null) button.setAttribute('aria-label', name);
  };
  button.onblur = disarm;
  button.onclick = (event) => {
    if (timer !== undefined) {
      disarm();
      act?.call(button, event);
      return;
    }
    timer = setTimeout(disarm, ARMED_MS);
    setText(button, question);
    if (name !== null) button.setAttribute('aria-label', `${question} ${name}`);
  };
  return button;
}

/** Hands a file to the person, as a download. */
export function download(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  element('a', { href: url, download: name }).click();
  // The browser has taken what it needs once the click has been dealt with; a minute is for slow ones.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A name for a file, whatever the parts hold: collections may be called anything. */
export function fileName(extension: string, ...parts: readonly (string | undefined)[]): string {
  const words = parts.filter((part) => part !== undefined).join('-');
  const safe = words.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '');
  return `${safe.slice(0, 80) || 'audio'}.${extension}`;
}
