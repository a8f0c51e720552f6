/** Events in words. */
import type { ClientEvent } from '../client-events';
import { formatBytes, formatCount, formatTime, shortKey } from './format';

/** An event in words. */
export type EventLine = readonly [kind: string, subject: string, figure?: string];

/** Every type of event a client has; `describeEvent` makes the compiler notice a new one. */
export const EVENT_TYPES: readonly ClientEvent['type'][] = [
  'served',
  'operation',
  'failed',
  'entry-added',
  'entry-deleted',
  'cleared',
  'entries-removed',
  'labels-changed',
  'alert',
  'owner-changed',
  'warning',
];

/** Requests that no other event tells of. The panel's own questions are none of them, or it would log itself. */
const TOLD_OPERATIONS: ReadonlySet<string> = new Set([
  'get',
  'cleanup',
  'configure',
  'pin',
  'touch-collection',
  'delete-collection',
]);

/** Whether an event is worth a line. */
export function isTold(event: ClientEvent): boolean {
  return event.type !== 'operation' || TOLD_OPERATIONS.has(event.name);
}

/** Puts an event into words. */
export function describeEvent(event: ClientEvent): EventLine {
  switch (event.type) {
    case 'served': {
      const { source, text, key, joined, missReason, latencyMs } = event;
      // Why it had to be made again is what a person looks for; that it was new is nothing to tell.
      const why = joined ? ' (joined)' : missReason && missReason !== 'new' ? ` (${missReason})` : '';
      return [source, (text ?? shortKey(key)) + why, formatTime(latencyMs)];
    }
    case 'operation': {
      const { name, key, isFound, latencyMs } = event;
      return [isFound === false ? 'miss' : name, key ? shortKey(key) : '', formatTime(latencyMs)];
    }
    case 'failed':
      return [event.type, event.error.message];
    case 'entry-added':
      return ['added', shortKey(event.key), formatBytes(event.byteLength)];
    case 'entry-deleted':
      return ['deleted', shortKey(event.key)];
    case 'cleared':
      return [event.type, 'all entries'];
    case 'entries-removed':
      return [event.reason, `${formatCount(event.entries)} from ${event.tier}`, formatBytes(event.bytes)];
    case 'labels-changed':
      return ['labels', 'collections or pins changed'];
    case 'alert': {
      const { alert, isRaised } = event;
      return [isRaised ? alert.severity : 'over', `${alert.code}: ${alert.message}`];
    }
    case 'owner-changed':
      return ['tab', event.role];
    case 'warning':
      return [event.type, event.message];
  }
}
