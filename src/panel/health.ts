/** How the cache is: its status in a word, alerts with what to do, and what it runs on. */
import type { HealthAlert } from '../../core/protocol/values';
import { card, element, figures, setAttribute, setText } from './dom';
import { formatMoment } from './format';
import { arrange } from './listing';
import type { PanelView } from './panel-view';

const STATUS = { ok: '✓ works', degraded: '▲ degraded', failing: '✕ failing' };
const STORES = { opfs: 'OPFS', indexeddb: 'IndexedDB', file: 'file', none: 'none: memory only' };

/** Creates the view. Status and alerts are announced when they change; an alert says since when once, and does not age. */
export function createHealth(): PanelView {
  const status = element('p', { class: 'status' });
  const list = element('ul', { class: 'alerts' });
  const rowByCode = new Map<string, ReturnType<typeof createAlert>>();
  const runtime = figures('store', 'worker', 'this tab', 'namespace', 'counting since');
  return {
    root: card('health', 'Health', element('div', { 'aria-live': 'polite' }, status, list), runtime.list),
    update: ({ health, runtime: { role, store, workerMode, countedSinceMs }, config: { namespace, version } }) => {
      setText(status, STATUS[health.status]);
      setAttribute(status, 'class', `status ${health.status}`);
      const alertByCode = new Map(health.alerts.map((alert) => [alert.code as string, alert]));
      arrange(list, rowByCode, [...alertByCode.keys()], createAlert);
      for (const [code, alert] of alertByCode) rowByCode.get(code)?.show(alert);
      runtime.show(STORES[store], workerMode, role, `${namespace} v${version}`, formatMoment(countedSinceMs));
    },
  };
}

function createAlert() {
  const severity = element('b');
  const message = element('span');
  const since = element('small');
  const root = element('li', {}, severity, ' ', message, ' ', since);
  return {
    root,
    show: (alert: HealthAlert) => {
      setAttribute(root, 'class', alert.severity);
      setText(severity, `${alert.severity === 'critical' ? '✕ critical' : '▲ warning'}:`);
      setText(message, alert.message);
      setText(since, `${alert.code} · since ${formatMoment(alert.sinceMs)}`);
    },
  };
}
