/**
 * The owner's worker at the service of the other tabs.
 *
 * It listens itself rather than through its page: one message less on the way of each hit, and a page that is busy keeps
 * no other tab waiting. A tab that waits long hears every tenth of a second that it is not forgotten. A tab that was
 * granted a synthesis shows by a lock that it lives; when the lock is let go of, by a crash or otherwise, the next one
 * who waits is granted. What is no message of ours is ignored and counted.
 */

import { asToOwnerMessage } from '../core/check-request';
import type { Clock } from '../core/clock';
import {
  type AnswerTo,
  type CacheEndpoint,
  type CacheEvent,
  type CacheRequest,
  type Outcome,
  PROTOCOL_VERSION,
  type Share,
  type SharedState,
} from '../core/protocol/messages';
import {
  asHallMessage,
  fillLockName,
  grantedFillId,
  type HallMessage,
  hallName,
  ownerName,
  type ToOwnerMessage,
  type ToTabMessage,
  tabName,
} from '../core/protocol/tab-messages';

/** How often a tab that waits is told that it is not forgotten. */
const ALIVE_INTERVAL_MS = 100;
/** A tab that was granted a synthesis and has not shown by then that it is at work is taken for gone. */
const BEGIN_FILL_MS = 3_000;
/** Tabs that ask for nothing lose their open channel when there are more than this; the next answer opens it again. */
const MAX_OPEN_TABS = 64;

/** What the service gets from the runtime it lives in. */
export interface TabRuntime {
  readonly locks: LockManager;
  readonly openChannel: (name: string) => BroadcastChannel;
}

/** What the service works with. */
export interface TabServiceOptions extends TabRuntime {
  readonly share: Share;
  readonly clock: Clock;
  readonly handle: CacheEndpoint['handle'];
  /** What holds for all tabs as of now; told to each that comes. */
  readonly state: () => SharedState;
  /** Something was ignored. */
  readonly onIgnored: () => void;
}

interface Tab {
  readonly channel: BroadcastChannel;
  /** Calls that have not been answered for good: those told that a fill is pending included. */
  readonly callIds: Set<string>;
  pendingRequests: number;
}

/** Answers followers until it is stopped. */
export class TabService {
  readonly #options: TabServiceOptions;
  readonly #hall: BroadcastChannel;
  readonly #requests: BroadcastChannel;
  readonly #tabById = new Map<string, Tab>();
  /** Fills granted to followers, with what ends the watch over each. */
  readonly #unwatchByFillId = new Map<string, () => void>();
  /** The tab that came first, most likely the first in the lock's queue, too: it prepares to be the next owner. */
  #standbyTabId: string | undefined;
  #cancelAlive: (() => void) | undefined;
  #isStopped = false;

  /** Says to all that there is an owner. */
  constructor(options: TabServiceOptions) {
    this.#options = options;
    const { share, openChannel, onIgnored } = options;
    this.#hall = openChannel(hallName(share.name));
    this.#requests = openChannel(ownerName(share.name));
    this.#requests.addEventListener('message', ({ data }) => this.#onMessage(data));
    this.#hall.addEventListener('message', ({ data }) => {
      const message = asHallMessage(data);
      // Nobody else has anything to say here but that nobody answers, or that he goes.
      if (message === undefined || message.reprise === 'events') onIgnored();
    });
    this.#tell(this.#hall, this.#introduction());
  }

  /** Tells the other tabs what happened. */
  broadcast(events: readonly CacheEvent[]): void {
    if (!this.#isStopped) this.#tell(this.#hall, { reprise: 'events', epoch: this.#options.share.epoch, events });
  }

  /** Answers nothing any more, and tells the tabs to look for another owner. */
  stop(): void {
    if (this.#isStopped) return;
    this.#tell(this.#hall, { reprise: 'resigned', epoch: this.#options.share.epoch });
    this.#isStopped = true;
    this.#cancelAlive?.();
    for (const unwatch of this.#unwatchByFillId.values()) unwatch();
    for (const { channel } of this.#tabById.values()) channel.close();
    this.#requests.close();
    this.#hall.close();
  }

  #onMessage(data: unknown): void {
    const { share, onIgnored } = this.#options;
    const message = asToOwnerMessage(data);
    const isForeign = message === undefined || ('epoch' in message && message.epoch !== share.epoch);
    if (isForeign) {
      onIgnored();
      return;
    }
    switch (message.reprise) {
      case 'hello':
        if (message.protocol !== PROTOCOL_VERSION) {
          this.#refuse(message.tabId);
          return;
        }
        this.#tell(this.#tab(message.tabId).channel, this.#introduction());
        this.#appointStandby();
        return;
      case 'request':
        if (message.protocol !== PROTOCOL_VERSION) this.#refuse(message.tabId);
        else void this.#answer(message);
        return;
      case 'filling':
        this.#watchLock(message.fillId);
        return;
      case 'leaving':
        this.#forget(message.tabId);
        return;
      default:
        message satisfies never;
    }
  }

  async #answer({ tabId, requestId, request }: Extract<ToOwnerMessage, { reprise: 'request' }>): Promise<void> {
    const tab = this.#tab(tabId);
    // A tab that closes its client leaves; the cache stays.
    if (request.type === 'close') return;
    this.#noteRequest(tab, request);
    tab.pendingRequests++;
    this.#keepTold();
    const outcome = await this.#options.handle(request);
    tab.pendingRequests--;
    const fillId = 'value' in outcome ? grantedFillId(request, outcome.value) : undefined;
    if (this.#tabById.get(tabId) !== tab) {
      // It has left meanwhile, and will not synthesize what it has just been granted.
      if (fillId !== undefined) void this.#options.handle({ type: 'fill-failed', fillId });
      return;
    }
    this.#noteOutcome(tab, request, outcome);
    if (fillId !== undefined) this.#watchBeginning(fillId);
    const { epoch } = this.#options.share;
    this.#tell(tab.channel, { reprise: 'answer', epoch, requestId, outcome });
  }

  /** Tells a tab of another version who this is; it sees from that that it cannot take part. */
  #refuse(tabId: string): void {
    const channel = this.#options.openChannel(tabName(this.#options.share.name, tabId));
    this.#tell(channel, this.#introduction());
    channel.close();
  }

  #noteRequest(tab: Tab, request: CacheRequest): void {
    if (request.type === 'read' || request.type === 'resume-fill') tab.callIds.add(request.callId);
    else if (request.type === 'leave-fill') tab.callIds.delete(request.callId);
    else if (request.type === 'fill-complete' || request.type === 'fill-failed') this.#unwatch(request.fillId);
  }

  #noteOutcome(tab: Tab, request: CacheRequest, outcome: Outcome<unknown>): void {
    if (request.type !== 'read' && request.type !== 'await-fill' && request.type !== 'resume-fill') return;
    // What these are answered with; a caller that was told to wait has not had its last answer.
    const answer = 'value' in outcome ? (outcome.value as AnswerTo<typeof request>) : undefined;
    if (answer?.type !== 'fill-pending') tab.callIds.delete(request.callId);
  }

  /** Gives a tab that was granted a fill some time to show that it is at work. */
  #watchBeginning(fillId: string): void {
    const cancel = this.#options.clock.schedule(() => this.#abandon(fillId), BEGIN_FILL_MS);
    this.#unwatchByFillId.set(fillId, cancel);
  }

  /** Waits for the tab's lock: it is let go of when the fill has ended, and when the tab has. */
  #watchLock(fillId: string): void {
    const cancel = this.#unwatchByFillId.get(fillId);
    if (cancel === undefined) return;
    cancel();
    const { locks, share } = this.#options;
    const stop = new AbortController();
    this.#unwatchByFillId.set(fillId, () => stop.abort());
    locks
      .request(fillLockName(share.name, fillId), { signal: stop.signal }, () => this.#abandon(fillId))
      // It ended before.
      .catch(() => {});
  }

  #abandon(fillId: string): void {
    if (!this.#unwatchByFillId.has(fillId)) return;
    this.#unwatch(fillId);
    void this.#options.handle({ type: 'fill-failed', fillId });
  }

  #unwatch(fillId: string): void {
    this.#unwatchByFillId.get(fillId)?.();
    this.#unwatchByFillId.delete(fillId);
  }

  #tab(tabId: string): Tab {
    const known = this.#tabById.get(tabId);
    if (known !== undefined) return known;
    if (this.#tabById.size >= MAX_OPEN_TABS) this.#closeIdle();
    const { openChannel, share } = this.#options;
    const tab = { channel: openChannel(tabName(share.name, tabId)), callIds: new Set<string>(), pendingRequests: 0 };
    this.#tabById.set(tabId, tab);
    return tab;
  }

  #closeIdle(): void {
    for (const [tabId, { pendingRequests, callIds }] of this.#tabById) {
      if (pendingRequests === 0 && callIds.size === 0 && tabId !== this.#standbyTabId) this.#forget(tabId);
    }
  }

  #forget(tabId: string): void {
    const tab = this.#tabById.get(tabId);
    if (tab === undefined) return;
    this.#tabById.delete(tabId);
    tab.channel.close();
    for (const callId of tab.callIds) void this.#options.handle({ type: 'leave-fill', callId, hasBegun: false });
    if (tabId !== this.#standbyTabId) return;
    this.#standbyTabId = undefined;
    this.#appointStandby();
  }

  #appointStandby(): void {
    if (this.#standbyTabId !== undefined) return;
    const [first] = this.#tabById;
    if (first === undefined) return;
    const [tabId, { channel }] = first;
    this.#standbyTabId = tabId;
    this.#tell(channel, { reprise: 'standby', epoch: this.#options.share.epoch });
  }

  /** Tells those who wait, for as long as somebody does. */
  #keepTold(): void {
    if (this.#cancelAlive !== undefined) return;
    this.#cancelAlive = this.#options.clock.schedule(() => {
      this.#cancelAlive = undefined;
      const waiting = [...this.#tabById.values()].filter(({ pendingRequests }) => pendingRequests > 0);
      const { epoch } = this.#options.share;
      for (const { channel } of waiting) this.#tell(channel, { reprise: 'alive', epoch });
      if (waiting.length > 0) this.#keepTold();
    }, ALIVE_INTERVAL_MS);
  }

  #introduction() {
    const { share, state } = this.#options;
    return { reprise: 'owner', protocol: PROTOCOL_VERSION, epoch: share.epoch, state: state() } as const;
  }

  /** Posts a message; after `stop` there is nobody to tell. */
  #tell(channel: BroadcastChannel, message: ToTabMessage | HallMessage): void {
    if (!this.#isStopped) channel.postMessage(message);
  }
}
