/**
 * Tells events of the owner from what only looks like them: any script of the origin may write into the hall, and what is
 * heard there is computed with and shown to people.
 */
import { hasShapeOf } from '../core/protocol/has-shape';
import type { CacheEvent } from '../core/protocol/messages';
import type { CacheConfig } from '../core/protocol/values';
import { emptyStats } from './statistics';

/**
 * Returns a check for events to a tab with this configuration: those whose parts somebody looks into must have all of them.
 * What a configuration may be the worker says that is opened with it.
 */
export function createEventCheck(config: CacheConfig): (event: CacheEvent) => boolean {
  const alert = { code: '', severity: '', message: '', sinceMs: 0 };
  const stats = {
    ...emptyStats({ ...config, price: undefined, budget: undefined }),
    health: { status: '', alerts: [alert] },
  };
  const exampleByType: { readonly [type: string]: object } = {
    snapshot: { stats },
    alert: { alert },
    warning: { message: '' },
  };
  return (event) => hasShapeOf(event, exampleByType[event.type]);
}
