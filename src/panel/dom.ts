/**
 * The few DOM operations the panel needs. Text only ever enters through text nodes and attributes, never as markup:
 * phrases come from anywhere.
 */

/** Creates an element with attributes and children. Strings become text nodes. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const created = document.createElement(tag);
  for (const name in attributes) created.setAttribute(name, attributes[name] ?? '');
  created.append(...children);
  return created;
}

/** Sets an element's text, touching the document only when it differs. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Sets the texts of elements, in order. */
export function setTexts(targets: readonly Element[], texts: readonly string[]): void {
  for (const [index, target] of targets.entries()) setText(target, texts[index] ?? '');
}

/** Sets an attribute, touching the document only when it differs. */
export function setAttribute(target: Element, name: string, value: string): void {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** Creates a titled section; the title names it for assistive technology too. `name` is its place in the grid. */
export function card(name: string, title: string, ...children: readonly (Node | string)[]): HTMLElement {
  return element(
    'section',
    { class: name, 'aria-labelledby': `${name}-title` },
    element('h3', { id: `${name}-title` }, title),
    ...children,
  );
}

/** A list that scrolls within its card: focusable, so that the arrow keys scroll it, and named after the card. */
export function scrollArea(cardName: string, ...children: readonly Node[]): HTMLElement {
  const attributes = { class: 'scroll', role: 'group', tabindex: '0', 'aria-labelledby': `${cardName}-title` };
  return element('div', attributes, ...children);
}

/** A table with a title for each column. */
export function columns(titles: readonly string[], ...bodies: readonly HTMLElement[]): HTMLElement {
  const head = element('tr', {}, ...titles.map((title) => element('th', {}, title)));
  return element('table', {}, element('thead', {}, head), ...bodies);
}

/** A list of labelled figures, and a way to fill them in the order of the labels. */
export function figures(...labels: readonly string[]): {
  readonly list: HTMLElement;
  readonly show: (...values: readonly string[]) => void;
} {
  const values = labels.map(() => element('dd', {}, '–'));
  const groups = labels.map((label, index) => element('div', {}, element('dt', {}, label), values[index] ?? ''));
  return {
    list: element('dl', {}, ...groups),
    show: (...texts) => setTexts(values, texts),
  };
}

/** A line that says what became of something; announced when it changes, and not there while it is empty. */
export function statusLine(): HTMLElement {
  return element('p', { class: 'note', role: 'status' });
}

/** A control with a label before it. */
export function field(label: string, control: HTMLElement): HTMLElement {
  return element('label', {}, element('small', {}, label), control);
}
