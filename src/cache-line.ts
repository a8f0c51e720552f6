/**
 * What the client talks to: its own worker when this tab is the owner, the owner's worker when another tab is, and a
 * worker for itself alone where tabs cannot share.
 *
 * All tabs that agree on what makes a key and on what is kept share one lock, one worker and so one memory, one disk
 * writer and one single-flight. Whoever has the lock starts the worker; a tab that becomes the owner asks of its own
 * worker again what the former one left unanswered, and opens it with what was changed for all tabs meanwhile.
 */
import type { Clock } from '../core/clock';
import { fastFingerprint } from '../core/fast-fingerprint';
import { createIdPrefix } from '../core/id-prefix';
import type { AudioCacheError } from '../core/protocol/audio-cache-error';
import {
  type AnswerTo,
  type CacheEvent,
  type CacheRequest,
  PROTOCOL_VERSION,
  type Share,
  type SharedState,
} from '../core/protocol/messages';
import { asHallMessage, type HallMessage, hallName, ownerName } from '../core/protocol/tab-messages';
import type { CacheConfig, CacheStats, StoreKind } from '../core/protocol/values';
import { FollowerLink } from './follower-link';
import type { WorkerSource } from './options';
import { Ownership } from './owner';
import type { TabPlatform } from './tab-platform';
import { type CallOptions, startWorker, WorkerLink, workerLost } from './worker-link';

/** The next owner starts its worker ahead, but not while its page is still loading. */
const STANDBY_DELAY_MS = 1_000;

/** What this tab is among the tabs of its origin. */
export type TabRole = CacheStats['runtime']['role'];

/** What a line is made of. */
export interface CacheLineOptions {
  readonly worker: WorkerSource | undefined;
  readonly config: CacheConfig;
  readonly keySecret: string | undefined;
  readonly callTimeoutMs: number;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** What kind of store held something when this page looked last. */
  readonly heldBefore: () => StoreKind | undefined;
  /** Undefined where the browser has no way for tabs to share. */
  readonly platform: TabPlatform | undefined;
  readonly onEvent: (event: CacheEvent) => void;
  /** The worker died or could not be started. `isFinal`: no other will be tried. */
  readonly onLost: (error: AudioCacheError, isFinal: boolean) => void;
  /** There is an owner, which is not the one before: what that one granted means nothing any more. */
  readonly onOwnerChanged: (role: TabRole) => void;
  /** This tab shares with no other; `reason` says why, for people. */
  readonly onAlone: (reason: string) => void;
  /** A message to this tab was none of ours. */
  readonly onIgnored: () => void;
}

/** A client's line to its cache. */
export class CacheLine {
  readonly #options: CacheLineOptions;
  /** What holds for all tabs as this one heard last, if it has: a worker that is started from now on goes on with it. */
  #inForce: SharedState | undefined;
  readonly #share: string;
  readonly #tabId: string;
  readonly #ownership: Ownership | undefined;
  /** This tab's own worker. */
  #link: WorkerLink | undefined;
  /** Without one: the way to the owner's, and the place to wait until there is an owner. */
  #follower: FollowerLink;
  /** A worker that was started ahead, as this tab is likely to be the next owner. */
  #standby: Worker | undefined;
  /** Where the owner's page hears that its worker does not answer. */
  #hall: BroadcastChannel | undefined;
  #epoch = '';
  #workersStarted = 0;
  /** Another owner has served this tab. */
  #hasFollowed = false;
  #isAlone = false;
  #isSuspended = false;
  /** Why nothing is asked any more. */
  #ended: AudioCacheError | undefined;

  constructor(options: CacheLineOptions) {
    this.#options = options;
    const { config, keySecret, platform, random } = options;
    const { namespace, version, speedMode, storeText } = config;
    // Tabs that make other keys, or must not keep what these keep, have nothing in common with these.
    const agreement = fastFingerprint(JSON.stringify([keySecret, speedMode, storeText]));
    this.#share = `reprise:${namespace}:v${version}:tabs-${agreement}`;
    this.#tabId = createIdPrefix(random);
    this.#follower = this.#createFollower();
    if (platform === undefined) {
      this.#beAlone('The browser gives this page no Web Locks or no BroadcastChannel.');
      return;
    }
    this.#ownership = new Ownership(platform.locks, ownerName(this.#share), platform.mayQueue, {
      onOwned: () => this.#beOwner(),
      onTaken: () => this.#follower.follow(),
      onRefused: () => this.#beAlone('The browser gives this page no Web Locks.'),
    });
    this.#ownership.start();
  }

  /**
   * Sends a request and resolves to its answer.
   * @throws AudioCacheError whatever the request says; `WORKER_LOST`, `DEADLINE_EXCEEDED`, `CLOSED`
   */
  call<Request extends CacheRequest>(request: Request, options?: CallOptions): Promise<AnswerTo<Request>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return this.#link === undefined ? this.#follower.call(request, options) : this.#link.call(request, options);
  }

  /**
   * The page is frozen: lets the worker, the lock and all channels go, or nobody else could be the owner. Calls of its
   * own worker that are under way are lost; others, and those that come now, wait for `resume`.
   */
  suspend(): void {
    if (this.#isSuspended) return;
    this.#isSuspended = true;
    // First, since it takes a while to let go of its files.
    this.#link?.end(workerLost('Its page was frozen.'));
    this.#link = undefined;
    this.#resign();
    this.#follower.pause();
    this.#takeStandby()?.terminate();
  }

  /** The page is back. */
  resume(): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    if (this.#isAlone) this.#startLink(undefined);
    else this.#ownership?.start();
  }

  /** Resolves once what was accepted is written, as far as there is somebody to write it. */
  async close(): Promise<void> {
    if (this.#link !== undefined) await this.#link.call({ type: 'close' });
    else if (this.#follower.epoch !== undefined) await this.#follower.call({ type: 'flush' });
  }

  /** Ends the line for good; calls that are pending and all later ones reject with the error. */
  end(error: AudioCacheError): void {
    this.#ended = error;
    for (const { reject } of this.#follower.end()) reject(error);
    this.#link?.end(error);
    this.#isSuspended = true;
    this.#takeStandby()?.terminate();
    this.#resign();
  }

  #beOwner(): void {
    const { platform, onOwnerChanged } = this.#options;
    this.#hall = platform?.openChannel(hallName(this.#share));
    this.#hall?.addEventListener('message', ({ data }) => {
      const message = asHallMessage(data);
      if (message?.reprise === 'unanswered' && message.epoch === this.#epoch) this.#link?.probe();
    });
    this.#startLink(() => {
      this.#epoch = `${this.#tabId}-${++this.#workersStarted}`;
      return { name: this.#share, epoch: this.#epoch, takesOver: this.#hasFollowed || this.#workersStarted > 1 };
    });
    onOwnerChanged('owner');
  }

  #beAlone(reason: string): void {
    this.#isAlone = true;
    this.#ownership?.release();
    this.#startLink(undefined);
    this.#options.onOwnerChanged('alone');
    this.#options.onAlone(reason);
  }

  /** Starts this tab's own worker, and asks it what nobody has answered so far. */
  #startLink(newShare: (() => Share) | undefined): void {
    const { worker, keySecret, callTimeoutMs, clock, heldBefore } = this.#options;
    const unanswered = this.#follower.end();
    this.#follower = this.#createFollower();
    const link = new WorkerLink({
      start: () => this.#takeStandby() ?? startWorker(worker),
      open: () => ({
        protocolVersion: PROTOCOL_VERSION,
        config: this.#config(),
        keySecret,
        heldBefore: heldBefore(),
        inForce: this.#inForce,
        share: newShare?.(),
      }),
      callTimeoutMs,
      clock,
      onEvent: (event) => this.#onEvent(event),
      onLost: (error, isFinal) => {
        // Another tab may be luckier.
        if (isFinal) this.#resign();
        this.#options.onLost(error, isFinal);
      },
    });
    this.#link = link;
    for (const { request, options, resolve, reject } of unanswered) link.call(request, options).then(resolve, reject);
  }

  /** Where nothing keeps two tabs out of the same files, each works on a database, which does. */
  #config(): CacheConfig {
    const { platform, config } = this.#options;
    if (platform !== undefined || config.disk.store !== 'auto') return config;
    return { ...config, disk: { ...config.disk, store: 'indexeddb' } };
  }

  #onEvent(event: CacheEvent): void {
    if (event.type === 'snapshot') {
      const { config, runtime } = event.stats;
      this.#inForce = { config, isCleanupScheduled: runtime.isCleanupScheduled };
    }
    this.#options.onEvent(event);
  }

  #createFollower(): FollowerLink {
    const { platform, config, clock, callTimeoutMs, onIgnored, onOwnerChanged } = this.#options;
    return new FollowerLink({
      platform,
      share: this.#share,
      tabId: this.#tabId,
      config,
      clock,
      callTimeoutMs,
      onEvents: (events) => {
        for (const event of events) this.#onEvent(event);
      },
      onOwner: (state) => {
        this.#inForce = state;
        this.#hasFollowed = true;
        this.#ownership?.settle();
        onOwnerChanged('follower');
      },
      onResigned: () => this.#ownership?.ownerLeft(),
      onStandby: () => clock.schedule(() => this.#prepareStandby(), STANDBY_DELAY_MS),
      onRefused: (protocol) =>
        this.#beAlone(
          `Another tab runs a version of reprise-cache with protocol ${protocol}, and this one has ${PROTOCOL_VERSION}; reload all tabs.`,
        ),
      onSilent: () => {
        this.#ownership?.askAgain();
        this.#follower.complain();
      },
      onIgnored,
    });
  }

  #prepareStandby(): void {
    if (this.#link !== undefined || this.#isSuspended || this.#standby !== undefined) return;
    try {
      const standby = startWorker(this.#options.worker);
      this.#standby = standby;
      // One that cannot run is found out about again by whoever needs it.
      standby.addEventListener('error', () => {
        if (this.#standby === standby) this.#standby = undefined;
      });
    } catch {
      // The same.
    }
  }

  #takeStandby(): Worker | undefined {
    const standby = this.#standby;
    this.#standby = undefined;
    return standby;
  }

  /** Gives up being the owner, or waiting to be. */
  #resign(): void {
    this.#hall?.postMessage({ reprise: 'resigned', epoch: this.#epoch } satisfies HallMessage);
    this.#hall?.close();
    this.#hall = undefined;
    this.#ownership?.release();
  }
}
