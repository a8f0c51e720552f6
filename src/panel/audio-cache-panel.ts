/**
 * `<audio-cache-panel>`: what a cache is doing, live.
 *
 * The element holds the parts together and decides when they draw: at most ten times a second, in an animation
 * frame, and only while somebody can see it. Once a second it notes the totals for the line of the hit rate. It reads
 * the cache through `PanelSource` and changes nothing but what its buttons say.
 */
import type { ClientEvent } from '../client-events';
import { createSavings, createTierMeters } from './capacity';
import { element } from './dom';
import { createEntryTable } from './entry-table';
import { createEventLog, EVENT_TYPES } from './event-log';
import { createHealth } from './health';
import { createHitRateChart } from './hit-rate-chart';
import type { PanelSource } from './panel-source';
import { createSourceTable } from './source-table';
import { STYLES } from './styles';

const TICK_MS = 1000;
const MIN_FRAME_MS = 100;

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
  #frame = 0;
  #drawnAtMs = 0;

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
    const { views, entries } = this.#parts;
    const onEvent = (event: ClientEvent) => {
      views.log.add(event, Date.now());
      if (event.type !== 'failed') entries.invalidate();
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
    this.#tick();
    this.#update();
  }

  #disconnect(): void {
    for (const end of this.#connections) end();
    this.#connections = [];
    this.#frame = 0;
    this.#parts?.entries.silence();
  }

  #tick(): void {
    if (!this.#cache || !this.#parts) return;
    this.#parts.views.hitRate.sample(this.#cache.getSnapshot(), Date.now());
    if (!this.#isVisible || document.hidden) return;
    // Answers through the subscription; what a lost worker says is in the snapshot already.
    this.#cache.stats().catch(() => {});
    this.#parts.entries.tick();
    this.#draw();
  }

  /** Asks for a frame; what was missed while nobody looked is drawn by the first tick after. */
  #draw(): void {
    if (!this.#isVisible || this.#frame) return;
    const onFrame = (frameMs: number) => {
      if (frameMs - this.#drawnAtMs < MIN_FRAME_MS) {
        this.#frame = requestAnimationFrame(onFrame);
        return;
      }
      this.#frame = 0;
      this.#drawnAtMs = frameMs;
      this.#update();
    };
    this.#frame = requestAnimationFrame(onFrame);
  }

  #update(): void {
    const stats = this.#cache?.getSnapshot();
    if (stats) for (const view of Object.values(this.#parts?.views ?? {})) view.update(stats, Date.now());
  }
}

function createParts(root: ShadowRoot, cache: PanelSource) {
  const views = {
    hitRate: createHitRateChart(),
    sources: createSourceTable(),
    held: createTierMeters(),
    saved: createSavings(),
    health: createHealth(),
    log: createEventLog(),
  };
  const entries = createEntryTable(cache);
  const { log, ...figures } = views;
  const cards = [...Object.values(figures), entries, log].map((part) => part.root);
  // A constructed sheet, since a strict Content-Security-Policy refuses <style>.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  root.adoptedStyleSheets = [sheet];
  root.replaceChildren(element('div', { class: 'grid', lang: 'en', dir: 'ltr' }, ...cards));
  return { views, entries };
}
