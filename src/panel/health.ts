/** How the cache is: its status in a word, alerts with what to do, and what it runs on. */
import { card, element, figures, setAttribute, setText } from './dom';
import type { PanelView } from './panel-view';

const STATUS = { ok: '✓ works', degraded: '▲ degraded', failing: '✕ failing' };
const STORES = { opfs: 'OPFS', indexeddb: 'IndexedDB', file: 'file', none: 'none: memory only' };

/** Creates the view. Status and alerts are announced when they change. */
export function createHealth(): PanelView {
  const status = element('p', { class: 'status' });
  const alerts = element('p', { class: 'alerts' });
  const runtime = figures('store', 'worker', 'this tab', 'namespace');
  return {
    root: card('health', 'Health', element('div', { 'aria-live': 'polite' }, status, alerts), runtime.list),
    update: (stats) => {
      setText(status, STATUS[stats.health.status]);
      setAttribute(status, 'class', `status ${stats.health.status}`);
      setText(alerts, stats.health.alerts.map((alert) => alert.message).join('\n'));
      const { role, store, workerMode } = stats.runtime;
      const { namespace, version } = stats.config;
      runtime.show(STORES[store], workerMode, role, `${namespace} v${version}`);
    },
  };
}
