/**
 * The line of a tab that is not the owner: to the owner's worker, over BroadcastChannels.
 *
 * Requests wait while there is no owner, and are sent again to the next one when theirs goes away unanswered: entries are
 * immutable, so within the moments that takes nothing is done wrongly twice. An owner that says nothing for a quarter of a
 * second while something is asked, or that is not there at all, is reported as silent; whoever composes this line then
 * asks for the lock anew and tells the owner's page. Time is counted in looks, as in `worker-link.ts`.
 */
import type { Clock } from '../core/clock';
import { type AudioCacheError, decodeError } from '../core/protocol/audio-cache-error';
import {
  type AnswerTo,
  type CacheEvent,
  type CacheRequest,
  PROTOCOL_VERSION,
  type SharedState,
} from '../core/protocol/messages';
import {
  asHallMessage,
  asToTabMessage,
  fillLockName,
  grantedFillId,
  type HallMessage,
  hallName,
  type OwnerMessage,
  ownerName,
  type ToOwnerMessage,
  type ToTabMessage,
  tabName,
} from '../core/protocol/tab-messages';
import type { CacheConfig } from '../core/protocol/values';
import { createEventCheck } from './event-shape';
import type { TabPlatform } from './tab-platform';
import { type CallOptions, deadlineExceeded, notCloneable, workerLost } from './worker-link';

/** What is not sent twice over a pause, however long: it would undo what others have done meanwhile. */
const NOT_REPEATED: ReadonlySet<CacheRequest['type']> = new Set([
  'put',
  'label',
  'delete',
  'clear',
  'pin',
  'configure',
  'schedule-cleanup',
  'touch-collection',
  'delete-collection',
  'import-entry',
  'report',
]);
/** How often pending requests are looked at. */
const WATCH_INTERVAL_MS = 125;
/** An owner that was silent for so many looks is reported. */
const SILENT_TICKS = 2;

/** What a line is made of. */
export interface FollowerLinkOptions {
  /** Undefined: the line is only a place to wait. */
  readonly platform: TabPlatform | undefined;
  /** Begins the names of all channels and locks. */
  readonly share: string;
  readonly tabId: string;
  /** This tab's own: what others say is in force is to be of its form. */
  readonly config: CacheConfig;
  readonly clock: Clock;
  readonly callTimeoutMs: number;
  readonly onEvents: (events: readonly CacheEvent[]) => void;
  /** There is an owner, and what was pending has been sent to it. */
  readonly onOwner: (state: SharedState | undefined) => void;
  /** The owner has gone, and there is no other yet. */
  readonly onResigned: () => void;
  /** This tab is likely to be the next owner. */
  readonly onStandby: () => void;
  /** The owner speaks another protocol: this tab cannot follow it. */
  readonly onRefused: (protocol: number) => void;
  /** Nobody answers, or nobody says that he is the owner; again at every second look. */
  readonly onSilent: () => void;
  /** A message was none of ours. */
  readonly onIgnored: () => void;
}

/** A call that has not been answered. */
export interface UnansweredCall {
  readonly request: CacheRequest;
  readonly options: CallOptions;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface PendingCall extends UnansweredCall {
  /** An owner may have carried it out. */
  isSent: boolean;
  /** How often it was looked at. */
  ticks: number;
}

/** A follower's calls. */
export class FollowerLink {
  readonly #options: FollowerLinkOptions;
  readonly #pendingById = new Map<number, PendingCall>();
  /** Lets go of the lock of each fill this tab is at work on. */
  readonly #releaseByFillId = new Map<string, () => void>();
  /** The fill that each call of this tab was granted. */
  readonly #fillIdByCallId = new Map<string, string>();
  #channels:
    | { readonly hall: BroadcastChannel; readonly own: BroadcastChannel; readonly owner: BroadcastChannel }
    | undefined;
  #epoch: string | undefined;
  #lastRequestId = 0;
  #silentTicks = 0;
  #isWatching = false;
  readonly #isEvent: (event: CacheEvent) => boolean;

  constructor(options: FollowerLinkOptions) {
    this.#options = options;
    this.#isEvent = createEventCheck(options.config);
  }

  /** The epoch of the owner, while there is one. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** Sends a request, now or once there is an owner, and resolves to its answer. Fails as `WorkerLink.call` does. */
  call<Request extends CacheRequest>(request: Request, options: CallOptions = {}): Promise<AnswerTo<Request>> {
    return new Promise((resolve, reject) => {
      const requestId = ++this.#lastRequestId;
      // What the answer is the protocol says; the compiler cannot follow it through the channel.
      const settle = { resolve: resolve as (value: unknown) => void, reject };
      const call: PendingCall = { request, options, ...settle, isSent: false, ticks: 0 };
      this.#pendingById.set(requestId, call);
      this.#send(requestId, call);
      this.#watch();
    });
  }

  /** Listens, and asks who the owner is. */
  follow(): void {
    const { platform, share, tabId } = this.#options;
    if (this.#channels !== undefined || platform === undefined) return;
    const hall = platform.openChannel(hallName(share));
    const own = platform.openChannel(tabName(share, tabId));
    this.#channels = { hall, own, owner: platform.openChannel(ownerName(share)) };
    hall.addEventListener('message', ({ data }) => this.#onHallMessage(data));
    own.addEventListener('message', ({ data }) => this.#onOwnMessage(data));
    this.#tell({ reprise: 'hello', protocol: PROTOCOL_VERSION, tabId });
    this.#watch();
  }

  /**
   * Listens no more, as when the page is frozen. What is pending waits for `follow`, but for changes that may have been
   * made: they are lost, as those of a page's own worker are.
   */
  pause(): void {
    if (this.#channels === undefined) return;
    this.#tell({ reprise: 'leaving', tabId: this.#options.tabId });
    for (const channel of Object.values(this.#channels)) channel.close();
    this.#channels = undefined;
    this.#leaveOwner();
    for (const [requestId, call] of this.#pendingById) {
      if (!call.isSent || !NOT_REPEATED.has(call.request.type)) continue;
      this.#pendingById.delete(requestId);
      call.reject(workerLost('Its page was frozen.'));
    }
  }

  /** Ends the line and hands over what has not been answered. */
  end(): readonly UnansweredCall[] {
    const calls = [...this.#pendingById.values()].filter(({ request }) => request.type !== 'await-fill');
    for (const [requestId, { request }] of this.#pendingById) {
      if (request.type !== 'await-fill') this.#pendingById.delete(requestId);
    }
    this.pause();
    for (const { reject } of this.#pendingById.values()) reject(ownerLost());
    this.#pendingById.clear();
    return calls;
  }

  /** Tells the page of the owner that its worker does not answer, and asks who the owner is, in case that is not true. */
  complain(): void {
    this.#tell({ reprise: 'hello', protocol: PROTOCOL_VERSION, tabId: this.#options.tabId });
    if (this.#epoch === undefined) return;
    this.#channels?.hall.postMessage({ reprise: 'unanswered', epoch: this.#epoch } satisfies HallMessage);
  }

  /** What is none of ours here the owner's worker counts, once for all tabs. */
  #onHallMessage(data: unknown): void {
    const message = asHallMessage(data);
    if (message === undefined) return;
    const isOwners = message.epoch === this.#epoch;
    switch (message.reprise) {
      case 'owner':
        // The answer says the same; what it is for is that the owner knows of this tab.
        if (!isOwners) this.#tell({ reprise: 'hello', protocol: PROTOCOL_VERSION, tabId: this.#options.tabId });
        this.#meet(message);
        return;
      case 'events':
        // The owner's worker hears of all that it has not sent itself, and counts it.
        if (isOwners) this.#options.onEvents(message.events.filter(this.#isEvent));
        return;
      case 'resigned':
        if (isOwners) this.#loseOwner();
        return;
      case 'unanswered':
        return;
      default:
        message satisfies never;
    }
  }

  #loseOwner(): void {
    this.#leaveOwner();
    this.#options.onResigned();
    this.#watch();
  }

  #onOwnMessage(data: unknown): void {
    const message = asToTabMessage(data);
    if (message === undefined || (message.reprise !== 'owner' && message.epoch !== this.#epoch)) {
      this.#options.onIgnored();
      return;
    }
    switch (message.reprise) {
      case 'owner':
        this.#meet(message);
        return;
      case 'alive':
        this.#silentTicks = 0;
        return;
      case 'standby':
        this.#options.onStandby();
        return;
      case 'answer':
        this.#silentTicks = 0;
        this.#onAnswer(message);
        return;
      default:
        message satisfies never;
    }
  }

  #onAnswer({ requestId, outcome }: Extract<ToTabMessage, { reprise: 'answer' }>): void {
    const call = this.#pendingById.get(requestId);
    if (call === undefined) {
      this.#options.onIgnored();
      return;
    }
    this.#pendingById.delete(requestId);
    this.#noteEnd(call.request);
    if ('error' in outcome) {
      call.reject(decodeError(outcome.error));
      return;
    }
    this.#noteGrant(call.request, outcome.value);
    call.resolve(outcome.value);
  }

  /** Turns to an owner: one that is new gets everything that is pending. */
  #meet({ protocol, epoch, state }: OwnerMessage): void {
    this.#silentTicks = 0;
    if (protocol !== PROTOCOL_VERSION) {
      this.#options.onRefused(protocol);
      return;
    }
    if (epoch === this.#epoch) return;
    this.#leaveOwner();
    this.#epoch = epoch;
    for (const [requestId, call] of this.#pendingById) this.#send(requestId, call);
    this.#options.onOwner(state);
  }

  #leaveOwner(): void {
    this.#epoch = undefined;
    this.#silentTicks = 0;
    for (const fillId of [...this.#releaseByFillId.keys()]) this.#release(fillId);
    for (const [requestId, call] of this.#pendingById) {
      if (call.request.type !== 'await-fill') continue;
      // Only the owner that said so knows what this caller waits for: it has to ask anew.
      this.#pendingById.delete(requestId);
      call.reject(ownerLost());
    }
  }

  #send(requestId: number, call: PendingCall): void {
    if (this.#epoch === undefined) return;
    const { tabId } = this.#options;
    const { request } = call;
    try {
      this.#tell({ reprise: 'request', protocol: PROTOCOL_VERSION, epoch: this.#epoch, tabId, requestId, request });
      call.isSent = true;
    } catch (error) {
      this.#pendingById.delete(requestId);
      call.reject(notCloneable(error));
    }
  }

  /** A fill was granted: as long as this tab lives and is at work it holds a lock that says so. */
  #noteGrant(request: CacheRequest, value: unknown): void {
    const fillId = grantedFillId(request, value);
    if (fillId === undefined || !('callId' in request)) return;
    this.#fillIdByCallId.set(request.callId, fillId);
    const { platform, share, tabId } = this.#options;
    const epoch = this.#epoch;
    if (epoch === undefined) return;
    const held = new Promise<void>((resolve) => this.#releaseByFillId.set(fillId, resolve));
    platform?.locks
      .request(fillLockName(share, fillId), () => {
        this.#tell({ reprise: 'filling', epoch, tabId, fillId });
        return held;
      })
      // Without it the owner takes this tab for gone: the phrase may be synthesized twice, and is heard all the same.
      .catch(() => {});
  }

  /** The tab is no longer at work on a fill: it has ended, or was never begun. */
  #noteEnd(request: CacheRequest): void {
    if (request.type === 'fill-complete' || request.type === 'fill-failed') this.#release(request.fillId);
    else if (request.type === 'leave-fill' && !request.hasBegun) {
      this.#release(this.#fillIdByCallId.get(request.callId));
    }
  }

  #release(fillId: string | undefined): void {
    if (fillId === undefined) return;
    this.#releaseByFillId.get(fillId)?.();
    this.#releaseByFillId.delete(fillId);
    for (const [callId, granted] of this.#fillIdByCallId) {
      if (granted === fillId) this.#fillIdByCallId.delete(callId);
    }
  }

  #tell(message: ToOwnerMessage): void {
    this.#channels?.owner.postMessage(message);
  }

  /** Looks at the pending calls, and waits for an owner, until there is nothing to wait for. */
  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#options.clock.schedule(() => {
      this.#isWatching = false;
      const isLooking = this.#channels !== undefined && this.#epoch === undefined;
      if (this.#pendingById.size === 0 && !isLooking) return;
      this.#inspect();
      this.#watch();
    }, WATCH_INTERVAL_MS);
  }

  #inspect(): void {
    const { callTimeoutMs, onSilent } = this.#options;
    for (const [requestId, call] of this.#pendingById) {
      call.ticks++;
      if (call.options.isPatient || call.ticks * WATCH_INTERVAL_MS < callTimeoutMs) continue;
      this.#pendingById.delete(requestId);
      call.reject(deadlineExceeded(callTimeoutMs));
    }
    this.#silentTicks++;
    if (this.#channels !== undefined && this.#silentTicks % SILENT_TICKS === 0) onSilent();
  }
}

function ownerLost(): AudioCacheError {
  return workerLost('Its tab is gone.');
}
