/**
 * What the person chose. The form is the state; it is kept in localStorage so that after a reload the same button asks
 * for the same phrase. The API key is not: it never leaves the page's memory but in requests to the endpoint.
 */
import type { SpeechSpec } from 'reprise-cache';

const STORAGE_KEY = 'reprise-demo-settings';

/** The ids of the controls kept over a reload. */
const KEPT = ['phrase', 'voice', 'speed', 'delay', 'endpoint-url', 'endpoint-model', 'endpoint-voice'] as const;

type Control = HTMLInputElement | HTMLSelectElement;

/** An OpenAI-compatible service. */
export interface Endpoint {
  readonly url: string;
  readonly key: string;
}

/** Reads and keeps what the controls of the page say. */
export class Settings {
  /** Restores what was kept and keeps every change from now on. */
  constructor() {
    restore();
    this.#showEngine();
    document.addEventListener('input', () => {
      this.#showEngine();
      keep();
    });
  }

  get phrase(): string {
    return control('phrase').value;
  }

  /** Milliseconds added to each synthesis. */
  get delayMs(): number {
    return Number(control('delay').value);
  }

  get endpoint(): Endpoint {
    return { url: control('endpoint-url').value, key: control('endpoint-key').value };
  }

  /** The spec of a text with voice, speed and synthesizer as chosen. Throws a TypeError for an address that is none. */
  specOf(text: string): SpeechSpec {
    const speed = Number(control('speed').value);
    if (this.#engine === 'flite') {
      return { text, voice: control('voice').value, speed, provider: 'flite', format: 'wav', sampleRate: 16_000 };
    }
    const { host } = new URL(this.endpoint.url);
    const voice = control('endpoint-voice').value;
    return { text, voice, speed, provider: `openai@${host}`, model: control('endpoint-model').value, format: 'mp3' };
  }

  get #engine(): 'flite' | 'endpoint' {
    return element('engine-endpoint', HTMLInputElement).checked ? 'endpoint' : 'flite';
  }

  /** Hidden controls are disabled too, so that they are neither checked nor reached by the keyboard. */
  #showEngine(): void {
    for (const part of document.querySelectorAll<HTMLElement>('[data-engine]')) {
      part.hidden = part.dataset.engine !== this.#engine;
      for (const input of part.querySelectorAll<Control>('input, select')) input.disabled = part.hidden;
    }
    element('speed-value', HTMLOutputElement).value = `${Number(control('speed').value).toFixed(2)}×`;
    element('delay-value', HTMLOutputElement).value = `${this.delayMs} ms`;
  }
}

/** Returns the element with an id, which must be of that class. */
export function element<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`index.html has no ${type.name} with the id ${id}`);
  return found;
}

function control(id: string): Control {
  const found = document.getElementById(id);
  if (found instanceof HTMLInputElement || found instanceof HTMLSelectElement) return found;
  throw new TypeError(`index.html has no control with the id ${id}`);
}

function keep(): void {
  const values = Object.fromEntries(KEPT.map((id) => [id, control(id).value]));
  const engine = element('engine-endpoint', HTMLInputElement).checked ? 'endpoint' : 'flite';
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify({ ...values, engine }));
  } catch {
    // Storage may be full or forbidden; then a reload starts with the defaults.
  }
}

function restore(): void {
  let kept: Readonly<Record<string, unknown>>;
  try {
    kept = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}') ?? {};
  } catch {
    return;
  }
  for (const id of KEPT) {
    const value = kept[id];
    if (typeof value === 'string') control(id).value = value;
  }
  if (kept.engine === 'endpoint') element('engine-endpoint', HTMLInputElement).checked = true;
}
