/**
 * `<audio-cache-panel>`: what a cache is doing, live.
 *
 * The element holds the parts together and decides when they draw: at most ten times a second, one card a frame, and only
 * while somebody can see it. So however many events come, a frame never has to hold more than one card's changes. Once a
 * second it notes the totals for the lines of the hit rate. It reads the cache through `PanelSource` and changes nothing
 * but what its controls say.
 */
import type { ClientEvent } from '../client-events';
import { createCollectionTable } from './collection-table';
import { element } from './dom';
import { createEntryTable } from './entry-table';
import { EVENT_TYPES } from './event-line';
import { createEventLog } from './event-log';
import { createGauges } from './gauges';
import { createHealth } from './health';
import { createHitRateChart } from './hit-rate-chart';
import type { PanelSource } from './panel-source';
import type { PanelView } from './panel-view';
import { createSavings } from './savings';
import { createSourceTable } from './source-table';
import { STYLES } from './styles';
import { createUpkeep } from './upkeep';

const TICK_MS = 1000;
const MIN_ROUND_MS = 100;

/** Importing the module must work where there is no DOM, such as a server that renders the page around it. */
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/**
 * Shows an `AudioCacheClient`: `panel.cache = client`. The attribute `theme` (`light` or `dark`) overrides the
 * person's preference. Several panels may show one cache; playing an entry counts as a request like any other.
 */
export class AudioCachePanel extends Base {
  #cache: PanelSource | undefined;
  #parts: ReturnType<typeof createParts> | undefined;
  #connections: (() => void)[] = [];
  #isVisible = false;
  #isDue = false;
  /** The card that the next frame draws; 0 begins a new round. */
  #nextView = 0;
  #frame = 0;
  #roundAtMs = 0;

  /** The cache shown; undefined shows nothing. The panel never closes it. */
  get cache(): PanelSource | undefined {
    return this.#cache;
  }

  set cache(next: PanelSource | undefined) {
    this.#disconnect();
    this.#cache = next;
    if (this.#parts) {
      this.#parts = undefined;
      this.shadowRoot?.replaceChildren();
    }
    if (this.isConnected) this.#connect();
  }

  connectedCallback(): void {
    // Set before the element was defined, `cache` is a property of the instance and hides the accessor.
    if (Object.hasOwn(this, 'cache')) {
      const { cache } = this;
      // The class declares `cache` for good; what is deleted is only the instance's own property.
      delete (this as { cache?: PanelSource | undefined }).cache;
      this.cache = cache;
    } else this.#connect();
  }

  disconnectedCallback(): void {
    this.#disconnect();
  }

  #connect(): void {
    const cache = this.#cache;
    if (!cache || this.#connections.length > 0) return;
    this.#parts ??= createParts(this.shadowRoot ?? this.attachShadow({ mode: 'open' }), cache);
    const { log, entries, collections, views } = this.#parts;
    const onEvent = (event: ClientEvent) => {
      log.add(event, Date.now());
      if (event.type !== 'failed' && event.type !== 'operation') entries.invalidate();
      if (changesCollections(event)) collections.invalidate();
      this.#draw();
    };
    const timer = setInterval(() => this.#tick(), TICK_MS);
    const onVisibility = (changes: readonly IntersectionObserverEntry[]) => {
      this.#isVisible = changes.at(-1)?.isIntersecting ?? false;
      this.#tick();
    };
    // A little beyond the window, so that scrolling shows nothing old.
    const visibility = new IntersectionObserver(onVisibility, { rootMargin: '50%' });
    visibility.observe(this);
    this.#connections = [
      cache.subscribe(() => this.#draw()),
      ...EVENT_TYPES.map((type) => cache.on(type, onEvent)),
      () => clearInterval(timer),
      () => visibility.disconnect(),
      () => cancelAnimationFrame(this.#frame),
    ];
    entries.invalidate();
    collections.invalidate();
    this.#tick();
    for (const view of views) view.update(cache.getSnapshot(), Date.now());
  }

  #disconnect(): void {
    for (const end of this.#connections) end();
    this.#connections = [];
    this.#frame = 0;
    this.#nextView = 0;
    this.#parts?.entries.silence();
  }

  #tick(): void {
    if (!this.#cache || !this.#parts) return;
    this.#parts.hitRate.sample(this.#cache.getSnapshot(), Date.now());
    if (!this.#isVisible || document.hidden) return;
    // Answers through the subscription; what a lost worker says is in the snapshot already.
    this.#cache.stats().catch(() => {});
    this.#parts.collections.tick();
    this.#parts.entries.tick();
    this.#draw();
  }

  /** Asks for a round; what was missed while nobody looked is drawn by the first tick after. */
  #draw(): void {
    this.#isDue = true;
    if (this.#isVisible && !this.#frame) this.#frame = requestAnimationFrame(this.#drawNext);
  }

  #drawNext = (frameMs: number): void => {
    const views = this.#parts?.views ?? [];
    const isBegun = this.#nextView > 0;
    if (isBegun || frameMs - this.#roundAtMs >= MIN_ROUND_MS) {
      if (!isBegun) {
        this.#roundAtMs = frameMs;
        this.#isDue = false;
      }
      if (this.#cache) views[this.#nextView]?.update(this.#cache.getSnapshot(), Date.now());
      this.#nextView = (this.#nextView + 1) % views.length;
    }
    const goesOn = this.#nextView > 0 || this.#isDue;
    this.#frame = goesOn && this.#isVisible ? requestAnimationFrame(this.#drawNext) : 0;
  };
}

/** Uses count as changes: the last one is shown. */
function changesCollections({ type }: ClientEvent): boolean {
  return type === 'labels-changed' || type.startsWith('entr') || type === 'cleared' || type === 'served';
}

function createParts(root: ShadowRoot, cache: PanelSource) {
  const hitRate = createHitRateChart();
  const log = createEventLog();
  const collections = createCollectionTable(cache, (name) => entries.showCollection(name));
  const entries = createEntryTable(cache, (name) => collections.choose(name));
  const figures = [hitRate, createSourceTable(), createGauges(cache), createSavings(cache), createHealth()];
  const upkeep = createUpkeep(cache);
  const views: readonly PanelView[] = [...figures, upkeep, log];
  const cards = [...figures, collections, upkeep, entries, log].map((part) => part.root);
  // A constructed sheet, since a strict Content-Security-Policy refuses <style>.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  root.adoptedStyleSheets = [sheet];
  root.replaceChildren(element('div', { class: 'grid', lang: 'en', dir: 'ltr' }, ...cards));
  return { hitRate, log, entries, collections, views };
}
