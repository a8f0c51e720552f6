/**
 * What tabs of one origin say to each other, so that all of them use one cache.
 *
 * The owner is the tab whose worker holds the stores. Its worker listens on the *owner* channel; each follower listens
 * on a channel of its own, so that audio goes to the one who asked for it; everybody listens in the *hall*, where the
 * owner says who it is and what happened. Every owner worker has an *epoch* that no other one has. Channels carry
 * whatever any script of the origin writes into them, so nothing is believed that does not have its exact shape.
 */
import { isObject } from './is-object';
import type { AnswerTo, CacheEvent, CacheRequest, Outcome, SharedState } from './messages';

/** Says to all that this worker takes requests; also the answer to a `hello`. */
export interface OwnerMessage {
  readonly reprise: 'owner';
  /** A tab that speaks another version does not take part. */
  readonly protocol: number;
  readonly epoch: string;
  /** Unchecked: the worker that is started by it looks at it. */
  readonly state?: SharedState | undefined;
}

/** To the owner's worker. */
export type ToOwnerMessage =
  /** Is there an owner? */
  | { readonly reprise: 'hello'; readonly protocol: number; readonly tabId: string }
  | {
      readonly reprise: 'request';
      readonly protocol: number;
      readonly epoch: string;
      readonly tabId: string;
      /** Unique within the tab; the same when it is sent again to another owner. */
      readonly requestId: number;
      readonly request: CacheRequest;
    }
  /** The tab holds the lock of a fill it was granted: once somebody else gets that, the filler is gone. */
  | { readonly reprise: 'filling'; readonly epoch: string; readonly tabId: string; readonly fillId: string }
  /** The tab wants nothing any more. */
  | { readonly reprise: 'leaving'; readonly tabId: string };

/** To one follower. */
export type ToTabMessage =
  | OwnerMessage
  | {
      readonly reprise: 'answer';
      readonly epoch: string;
      readonly requestId: number;
      readonly outcome: Outcome<unknown>;
    }
  /** A request takes long and is being worked on. */
  | { readonly reprise: 'alive'; readonly epoch: string }
  /** This tab is likely to be the next owner: it may start a worker ahead, so that the others wait less. */
  | { readonly reprise: 'standby'; readonly epoch: string };

/** To everybody. */
export type HallMessage =
  | OwnerMessage
  | { readonly reprise: 'events'; readonly epoch: string; readonly events: readonly CacheEvent[] }
  /** The owner goes away; somebody else will be owner soon. */
  | { readonly reprise: 'resigned'; readonly epoch: string }
  /** To the page of the owner: its worker does not answer. */
  | { readonly reprise: 'unanswered'; readonly epoch: string };

/** The channel everybody listens on. */
export function hallName(share: string): string {
  return share;
}

/** The channel of the owner's worker, and the lock that makes a tab the owner. */
export function ownerName(share: string): string {
  return `${share}:owner`;
}

/** The channel of one follower. */
export function tabName(share: string, tabId: string): string {
  return `${share}:tab:${tabId}`;
}

/** The lock that a follower holds while it synthesizes. */
export function fillLockName(share: string, fillId: string): string {
  return `${share}:fill:${fillId}`;
}

/** The message, if it is one that a follower may get. */
export function asToTabMessage(data: unknown): ToTabMessage | undefined {
  if (!isObject(data) || !isId(data.epoch)) return undefined;
  const { reprise, outcome } = data;
  const isGood =
    reprise === 'alive' ||
    reprise === 'standby' ||
    (reprise === 'owner' && isId(data.protocol)) ||
    (reprise === 'answer' &&
      typeof data.requestId === 'number' &&
      isObject(outcome) &&
      ('value' in outcome || isObject(outcome.error)));
  // Every field of the case has been looked at; a value is as true as the owner that sent it.
  return isGood ? (data as unknown as ToTabMessage) : undefined;
}

/** The message, if it is one that the hall may hear. */
export function asHallMessage(data: unknown): HallMessage | undefined {
  if (!isObject(data) || !isId(data.epoch)) return undefined;
  const { reprise, events } = data;
  const isGood =
    reprise === 'resigned' ||
    reprise === 'unanswered' ||
    (reprise === 'owner' && isId(data.protocol)) ||
    (reprise === 'events' &&
      Array.isArray(events) &&
      events.every((event) => isObject(event) && typeof event.type === 'string'));
  // Every field of the case has been looked at.
  return isGood ? (data as unknown as HallMessage) : undefined;
}

/** The fill that a caller was granted by the answer to its request; undefined for every other answer. */
export function grantedFillId(request: CacheRequest, value: unknown): string | undefined {
  if (request.type !== 'read' && request.type !== 'await-fill' && request.type !== 'resume-fill') return undefined;
  // What these are answered with.
  const answer = value as AnswerTo<typeof request>;
  return answer?.type === 'fill-granted' ? answer.fillId : undefined;
}

/** Whether it can be one of our numbers or names. */
export function isId(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value !== '' && value.length <= 100);
}
