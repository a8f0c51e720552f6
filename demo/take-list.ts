/** The latest takes, newest first, each with a bar as long as it took. */
import type { ClipSource } from 'reprise-cache';
import { milliseconds, SOURCE_WORDS } from './wording';

const MAX_TAKES = 5;

/** One phrase as it was served. */
export interface Take {
  readonly text: string;
  readonly source: ClipSource;
  readonly latencyMs: number;
}

/** Shows takes in a list; bars are to scale among those shown. */
export class TakeList {
  readonly #list: HTMLOListElement;
  #takes: readonly Take[] = [];

  constructor(list: HTMLOListElement) {
    this.#list = list;
  }

  /** Shows a take above the others; the oldest goes. */
  add(take: Take): void {
    this.#takes = [take, ...this.#takes].slice(0, MAX_TAKES);
    const longestMs = Math.max(...this.#takes.map(({ latencyMs }) => latencyMs));
    this.#list.replaceChildren(...this.#takes.map((shown) => createRow(shown, shown.latencyMs / longestMs)));
  }
}

function createRow({ text, source, latencyMs }: Take, share: number): HTMLLIElement {
  const bar = document.createElement('span');
  bar.className = 'bar';
  bar.style.inlineSize = `${share * 100}%`;
  const row = document.createElement('li');
  row.className = source;
  row.append(labelled('b', SOURCE_WORDS[source]), labelled('span', text), labelled('i', milliseconds(latencyMs)), bar);
  return row;
}

function labelled(tag: string, text: string): HTMLElement {
  const label = document.createElement(tag);
  label.textContent = text;
  label.dir = 'auto';
  return label;
}
