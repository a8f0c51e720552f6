/**
 * Tabs of one origin in one process: each has its line and its worker, and they meet at locks and channels that behave as
 * a browser's, also when a tab is killed. The disk is one for all.
 */
import { expose } from 'comlink';
import type { AudioCacheError } from '../core/protocol/audio-cache-error';
import type { CacheEvent } from '../core/protocol/messages';
import { CacheLine, type CacheLineOptions, type TabRole } from '../src/cache-line';
import type { TabPlatform } from '../src/tab-platform';
import { CacheService } from '../worker/cache-service';
import { configOf } from './cache-fixture';
import { FakeClock } from './fake-clock';
import { MemoryStore } from './memory-store';

interface LockRequest {
  readonly agent: object;
  readonly grant: () => Promise<unknown>;
}

/** Web Locks, all exclusive, of agents that can be killed. */
class FakeLocks {
  readonly #queueByName = new Map<string, LockRequest[]>();

  /** The lock manager of one agent. */
  of(agent: object): LockManager {
    const request = (name: string, ...rest: unknown[]): Promise<unknown> => {
      const callback = rest.pop() as (lock: object | null) => unknown;
      const { ifAvailable = false, signal } = (rest[0] ?? {}) as LockOptions;
      const queue = this.#queueByName.get(name) ?? [];
      this.#queueByName.set(name, queue);
      if (ifAvailable && queue.length > 0) return Promise.resolve(callback(null));
      return new Promise((resolve, reject) => {
        const entry: LockRequest = {
          agent,
          grant: async () => {
            try {
              resolve(await callback({ name }));
            } catch (error) {
              reject(error);
            }
          },
        };
        signal?.addEventListener('abort', () => {
          // What was granted stays so.
          if (queue.indexOf(entry) > 0) queue.splice(queue.indexOf(entry), 1);
          reject(signal.reason);
        });
        queue.push(entry);
        if (queue.length === 1) this.#grantFirst(name);
      });
    };
    const query = async () => ({ held: this.held.map((name) => ({ name })) });
    // The rest of a lock manager nobody here uses.
    return { request, query } as unknown as LockManager;
  }

  /** Names of all locks that are held. */
  get held(): readonly string[] {
    return [...this.#queueByName].flatMap(([name, queue]) => (queue.length > 0 ? [name] : []));
  }

  /** Whether the agent waits for a lock that another one holds. */
  isQueued(agent: object): boolean {
    return [...this.#queueByName.values()].some((queue) => queue.slice(1).some((entry) => entry.agent === agent));
  }

  kill(agent: object): void {
    for (const [name, queue] of this.#queueByName) {
      const wasFirst = queue[0]?.agent === agent;
      queue.splice(0, queue.length, ...queue.filter((entry) => entry.agent !== agent));
      if (wasFirst) this.#grantFirst(name);
    }
  }

  #grantFirst(name: string): void {
    const queue = this.#queueByName.get(name) ?? [];
    const [first] = queue;
    if (first === undefined) return;
    queueMicrotask(async () => {
      if (queue[0] !== first) return;
      await first.grant();
      if (queue[0] !== first) return;
      queue.shift();
      this.#grantFirst(name);
    });
  }
}

type Listener = (event: { readonly data: unknown }) => void;

/** BroadcastChannels of agents that can be killed. */
class FakeChannels {
  readonly #open = new Map<string, Set<{ readonly agent: object; readonly listeners: Set<Listener> }>>();
  /** Every message, with the channel it went to. */
  readonly messages: { readonly name: string; readonly data: unknown }[] = [];

  of(agent: object): (name: string) => BroadcastChannel {
    return (name) => {
      const members = this.#open.get(name) ?? new Set();
      this.#open.set(name, members);
      const self = { agent, listeners: new Set<Listener>() };
      members.add(self);
      const channel = {
        addEventListener: (_: string, listener: Listener) => self.listeners.add(listener),
        close: () => members.delete(self),
        postMessage: (message: unknown) => {
          const data: unknown = structuredClone(message);
          this.messages.push({ name, data });
          for (const member of [...members].filter((each) => each !== self)) {
            queueMicrotask(() => {
              if (members.has(member))
                for (const listener of member.listeners) listener({ data: structuredClone(data) });
            });
          }
        },
      };
      // The rest of a channel nobody here uses.
      return channel as unknown as BroadcastChannel;
    };
  }

  kill(agent: object): void {
    for (const members of this.#open.values()) {
      for (const member of members) if (member.agent === agent) members.delete(member);
    }
  }
}

/** An origin with one disk. */
export class OriginFixture {
  readonly clock = new FakeClock();
  readonly locks = new FakeLocks();
  readonly channels = new FakeChannels();
  /** As in Chromium; Firefox is the other kind. */
  mayQueue = true;
  /** Outlives its workers. */
  readonly disk = new MemoryStore();
  readonly #ports: MessagePort[] = [];
  /** What workers do not hear yet. */
  #held: (() => void)[] | undefined;
  #lastTab = 0;

  /** Opens a tab with a line. */
  tab(given: Partial<CacheLineOptions> = {}): TabFixture {
    return new TabFixture(this, ++this.#lastTab, given);
  }

  /** Starts a worker of an agent; it hangs while `isHung` says so. */
  startWorker(agent: object, isHung: () => boolean): Worker {
    const { port1, port2 } = new MessageChannel();
    this.#ports.push(port1, port2);
    const { disk, clock } = this;
    // A store that is closed with its worker, over a disk that is not.
    const store = new Proxy(disk, {
      get: (target, name) => {
        if (name === 'close') return async () => {};
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const workerAgent = { of: agent };
    const openChannel = this.channels.of(workerAgent);
    const tabs = {
      locks: this.locks.of(workerAgent),
      openChannel: (name: string) => deaf(openChannel(name), isHung, (deliver) => this.#deliver(deliver)),
    };
    const service = new CacheService({ clock, openStore: async () => store, tabs });
    const handle = service.handle.bind(service);
    service.handle = (request) => (isHung() ? new Promise(() => {}) : handle(request));
    expose(service, port2);
    const terminate = () => {
      port1.close();
      this.locks.kill(workerAgent);
      this.channels.kill(workerAgent);
    };
    // Of a worker the link uses what a port has too, and its end.
    return Object.assign(port1, { terminate }) as unknown as Worker;
  }

  /** Has all workers hear nothing until the returned function is called, and then all of it. */
  holdWorkers(): () => void {
    this.#held = [];
    return () => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const deliver of held) deliver();
    };
  }

  /** Lets everything that was begun come to rest, without time passing. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 40; turn++) await this.clock.advance(0);
  }

  #deliver(deliver: () => void): void {
    if (this.#held === undefined) deliver();
    else this.#held.push(deliver);
  }

  /** What a promise came to, without time passing. */
  async outcomeOf<Value>(promise: Promise<Value>): Promise<Value | 'pending'> {
    let outcome: Value | 'pending' = 'pending';
    let failure: { readonly error: unknown } | undefined;
    promise.then(
      (value) => {
        outcome = value;
      },
      (error: unknown) => {
        failure = { error };
      },
    );
    await this.quiet();
    if (failure !== undefined) throw failure.error;
    return outcome;
  }

  /** Lets go of all ports, or the process would not end. */
  close(): void {
    for (const port of this.#ports) port.close();
  }
}

/** One tab. */
export class TabFixture {
  readonly line: CacheLine;
  readonly events: CacheEvent[] = [];
  readonly roles: TabRole[] = [];
  readonly losses: AudioCacheError[] = [];
  readonly reasonsAlone: string[] = [];
  ignored = 0;
  /** The worker of this tab answers nothing any more; the next one does. */
  #hungWorkers = 0;
  #startedWorkers = 0;
  readonly #origin: OriginFixture;
  readonly #workers: Worker[] = [];

  constructor(origin: OriginFixture, number: number, given: Partial<CacheLineOptions>) {
    this.#origin = origin;
    const platform: TabPlatform = {
      locks: origin.locks.of(this),
      openChannel: origin.channels.of(this),
      mayQueue: origin.mayQueue,
    };
    this.line = new CacheLine({
      worker: () => {
        const workerNumber = ++this.#startedWorkers;
        const worker = origin.startWorker(this, () => workerNumber <= this.#hungWorkers);
        this.#workers.push(worker);
        return worker;
      },
      config: configOf(),
      heldBefore: () => undefined,
      keySecret: undefined,
      callTimeoutMs: 5_000,
      clock: origin.clock,
      random: () => number / 2 ** 20,
      platform,
      onEvent: (event) => this.events.push(event),
      onLost: (error) => this.losses.push(error),
      onOwnerChanged: (role) => this.roles.push(role),
      onAlone: (reason) => this.reasonsAlone.push(reason),
      onIgnored: () => {
        this.ignored++;
      },
      ...given,
    });
  }

  /** What the tab is now. */
  get role(): TabRole | undefined {
    return this.roles.at(-1);
  }

  /** Has all workers started so far answer nothing any more. */
  hang(): void {
    this.#hungWorkers = this.#startedWorkers;
  }

  /** Ends the tab and its worker as a crash does: nothing is said. */
  crash(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#origin.channels.kill(this);
    this.#origin.locks.kill(this);
  }
}

/** A channel that hears nothing while its worker hangs, and otherwise when `pass` lets it. */
function deaf(channel: BroadcastChannel, isHung: () => boolean, pass: (deliver: () => void) => void): BroadcastChannel {
  const listen = channel.addEventListener.bind(channel);
  const addEventListener = (type: 'message', listener: (event: MessageEvent) => void) =>
    listen(type, (event) => {
      if (!isHung()) pass(() => listener(event));
    });
  return Object.assign(channel, { addEventListener });
}
