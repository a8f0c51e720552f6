/**
 * Tells events and states of the owner from what only looks like them: any script of the origin may write into the hall,
 * and what is heard there is shown to people, and handed to the worker that this tab may have to start.
 */
import { hasShapeOf } from '../core/protocol/has-shape';
import { isObject } from '../core/protocol/is-object';
import type { CacheEvent } from '../core/protocol/messages';
import { isConfigLike } from '../core/protocol/option-rules';
import type { SharedState } from '../core/protocol/tab-messages';
import type { CacheConfig, CacheStats, HealthAlert } from '../core/protocol/values';
import { emptyStats } from './statistics';

/** Whether something is an event, with all that belongs to one. */
export type IsEvent = (event: unknown) => event is CacheEvent;

const ALERT: HealthAlert = { code: 'STORE_FALLBACK', severity: 'warning', message: '', sinceMs: 0 };

/** Returns the check for events to a tab with this configuration. */
export function createEventCheck(config: CacheConfig): IsEvent {
  const stats = { ...emptyStats(config), config: undefined, health: { status: 'ok', alerts: [ALERT] } };
  const exampleByType: Readonly<Record<CacheEvent['type'], object>> = {
    snapshot: { stats },
    'fill-abandoned': { fillId: '' },
    'entry-added': { key: '', byteLength: 0 },
    'entry-deleted': { key: '' },
    cleared: {},
    'entries-removed': { tier: 'disk', reason: 'expired', entries: 0, bytes: 0 },
    configured: {},
    'labels-changed': {},
    alert: { alert: ALERT, isRaised: true },
    warning: { message: '' },
  };
  return (event): event is CacheEvent => {
    if (!isObject(event) || !Object.hasOwn(exampleByType, String(event.type))) return false;
    // It is one of the types.
    const { type } = event as CacheEvent;
    if (!hasShapeOf(event, exampleByType[type])) return false;
    // Every field of the type is there; what a configuration may say has its own rules.
    const { stats: told, config: changed } = event as { readonly stats?: CacheStats; readonly config?: CacheConfig };
    if (type === 'snapshot') return isConfigLike(told?.config, config);
    return type !== 'configured' || isConfigLike(changed, config);
  };
}

/** Whether the value is a state that a tab with this configuration can take over. */
export function isSharedState(value: unknown, config: CacheConfig): value is SharedState {
  return isObject(value) && typeof value.isCleanupScheduled === 'boolean' && isConfigLike(value.config, config);
}
