/**
 * Pages and their worker in one process: the page's own code, the worker's own code, and between them a line that
 * clones what it carries and takes its time, as a real one does.
 */
import { decodeError } from '../core/protocol/audio-cache-error';
import { type AnswerTo, type CacheRequest, PROTOCOL_VERSION } from '../core/protocol/messages';
import { ClipRequests } from '../src/clip-requests';
import { type AudioCacheClientOptions, resolveOptions } from '../src/options';
import { Syntheses } from '../src/syntheses';
import type { Obtained, Wanted } from '../src/wanted';
import type { CallOptions, WorkerLink } from '../src/worker-link';
import { CacheService } from '../worker/cache-service';
import { configOf } from './cache-fixture';
import { FakeClock, settle } from './fake-clock';
import { FaultyStore } from './faulty-store';
import { MemoryStore } from './memory-store';

/** A worker that several pages may share. */
export class SharedWorkerFixture {
  readonly clock = new FakeClock();
  readonly store = new FaultyStore(new MemoryStore());
  readonly pages: PageFixture[] = [];
  readonly service = new CacheService({ clock: this.clock, openStore: async () => this.store });

  static async open(config: Parameters<typeof configOf>[0] = {}): Promise<SharedWorkerFixture> {
    const worker = new SharedWorkerFixture();
    const request = { protocolVersion: PROTOCOL_VERSION, config: configOf(config) };
    const outcome = await worker.service.open(request, (events) => {
      for (const event of events) {
        // A real worker tells its own page; every page passes over what it does not know.
        if (event.type === 'fill-abandoned') for (const page of worker.pages) page.requests.abandon(event.fillId);
      }
    });
    if ('error' in outcome) throw decodeError(outcome.error);
    return worker;
  }

  /** Opens a page on this worker. */
  page(options: AudioCacheClientOptions = {}): PageFixture {
    const page = new PageFixture(this, options);
    this.pages.push(page);
    return page;
  }
}

let lastPageNumber = 0;

/** What a page needs to get clips. */
export class PageFixture {
  readonly requests: ClipRequests;
  /** Requests sent and not answered yet. */
  pendingRequests = 0;
  /** When set, every request fails with it: there is no worker any more. */
  lost: Error | undefined;
  /** When set, the synthesizing part of the library cannot be loaded. */
  loadFailure: Error | undefined;

  constructor(worker: SharedWorkerFixture, options: AudioCacheClientOptions) {
    const pageNumber = ++lastPageNumber;
    const link = {
      call: <Request extends CacheRequest>(request: Request, { transfer = [] }: CallOptions = {}) =>
        this.#carry(worker, request, transfer),
    };
    // The requests of a page use nothing of their link but `call`.
    const workerLink = link as unknown as WorkerLink;
    const load = async () => {
      if (this.loadFailure !== undefined) throw this.loadFailure;
      return new Syntheses({
        link: workerLink,
        options: resolveOptions(options),
        clock: worker.clock,
        random: () => 0.5,
        onFailed: () => {},
      });
    };
    this.requests = new ClipRequests(workerLink, load, () => pageNumber / 2 ** 20);
  }

  /** Asks for a phrase. */
  obtain(text: string, given: Partial<Wanted> = {}): Promise<Obtained> {
    const spec = { text };
    const unset = { synthesize: undefined, signal: undefined, ttlMs: undefined, streaming: false };
    return this.requests.obtain({ spec, ...unset, ...given });
  }

  async #carry<Request extends CacheRequest>(
    worker: SharedWorkerFixture,
    request: Request,
    transfer: Transferable[],
  ): Promise<AnswerTo<Request>> {
    if (this.lost !== undefined) throw this.lost;
    this.pendingRequests++;
    try {
      const sent = structuredClone(request, { transfer });
      await settle();
      const outcome = structuredClone(await worker.service.handle(sent));
      await settle();
      if (this.lost !== undefined) throw this.lost;
      if ('error' in outcome) throw decodeError(outcome.error);
      return outcome.value;
    } finally {
      this.pendingRequests--;
    }
  }
}

/** Settles a promise with time standing still, and tells how that was. */
export async function outcomeOf(worker: SharedWorkerFixture, promise: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = 'still waiting';
  promise.then(
    (value) => {
      outcome = value;
    },
    (error: unknown) => {
      outcome = error;
    },
  );
  await quiet(worker);
  return outcome;
}

/** Lets everything happen that needs no more than a few messages. */
export async function quiet(worker: SharedWorkerFixture): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await worker.clock.advance(0);
}
