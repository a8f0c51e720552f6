/**
 * A tab of the tests with several: a client, and what a test asks of it. Syntheses are made and counted by the server
 * (scripts/tab-site.mjs), so that those of a tab that died count, too. Every clip is compared with what it should be.
 */
import { AudioCacheClient, type AudioCacheClientOptions, type ClientEvent } from '../../src/index';
import { audioOfTake, isAudioOfText } from './spoken';

let cache: AudioCacheClient | undefined;
const events: (ClientEvent & { readonly atMs: number })[] = [];
/** When each answer of `pump` came, and how many were wrong or never came. */
let pumped: { answeredAtMs: number[]; wrong: number; failed: number } = { answeredAtMs: [], wrong: 0, failed: 0 };
let isPumping = false;
let restoredAtMs: number | undefined;

addEventListener('pageshow', ({ persisted }) => {
  if (persisted) restoredAtMs = Date.now();
});

const tab = {
  /** Opens the client; a busy loop stands in for a worker that hangs when `hangs` is set. */
  async open(options: Partial<AudioCacheClientOptions>, hangs = false): Promise<void> {
    cache = new AudioCacheClient({
      ...options,
      ...(hangs ? { worker: () => hangingWorker() } : {}),
      onWarning: () => {},
      synthesize: ({ text }, { signal }) => fetch(`/speech?text=${encodeURIComponent(text)}`, { method: 'POST', signal }),
    });
    for (const type of ['entry-added', 'entry-deleted', 'cleared', 'owner-changed', 'failed', 'warning'] as const) {
      cache.on(type, (event) => events.push({ ...event, atMs: Date.now() }));
    }
    await cache.stats();
  },

  async say(text: string, timeoutMs?: number) {
    const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const clip = await client().getOrSynthesize(text, { signal });
    return { source: clip.source, joined: clip.joined, isRight: isAudioOfText(await clip.bytes(), text) };
  },

  /** Which take of a phrase is held; -1 for bytes that are none of it. */
  async take(text: string): Promise<number | undefined> {
    const clip = await client().get(text);
    if (clip === undefined) return undefined;
    const take = Number(clip.metadata.custom?.take);
    const bytes = new Uint8Array(await clip.bytes());
    const expected = audioOfTake(text, take);
    return bytes.length === expected.length && bytes.every((byte, index) => byte === expected[index]) ? take : -1;
  },

  async put(text: string, take: number): Promise<void> {
    const audio = audioOfTake(text, take);
    await client().put(text, audio.buffer, { contentType: 'audio/mpeg', custom: { take } });
  },

  async source(text: string): Promise<string | undefined> {
    return (await client().get(text))?.source;
  },

  delete: (text: string) => client().delete(text),
  clear: () => client().clear(),
  close: () => client().close(),
  stats: () => client().stats(),
  snapshot: () => client().getSnapshot(),
  events: () => events.splice(0),
  restoredAtMs: () => restoredAtMs,

  /** Asks for the phrases in turn, all the time. */
  startPump(texts: readonly string[]): void {
    isPumping = true;
    pumped = { answeredAtMs: [], wrong: 0, failed: 0 };
    void (async () => {
      for (let turn = 0; isPumping; turn++) {
        const text = texts[turn % texts.length] ?? '';
        try {
          const { isRight } = await tab.say(text);
          pumped.answeredAtMs.push(Date.now());
          if (!isRight) pumped.wrong++;
        } catch {
          pumped.failed++;
        }
      }
    })();
  },

  stopPump() {
    isPumping = false;
    return pumped;
  },

  pumped: () => pumped,

  /** Has the worker of this tab do nothing but compute from now on. */
  hang(): void {
    for (const worker of workers) worker.postMessage('hang');
  },

  /** Writes into a channel what somebody else would. */
  post(channelName: string, message: unknown): void {
    const channel = new BroadcastChannel(channelName);
    channel.postMessage(message);
    channel.close();
  },

  /** Names of the locks that are held or waited for. */
  async locks(): Promise<{ readonly held: readonly string[]; readonly pending: readonly string[] }> {
    const { held = [], pending = [] } = await navigator.locks.query();
    return { held: held.map(({ name = '' }) => name), pending: pending.map(({ name = '' }) => name) };
  },
};

const workers: Worker[] = [];

function hangingWorker(): Worker {
  const worker = new Worker(new URL('./hanging-worker.ts', import.meta.url), { type: 'module' });
  workers.push(worker);
  return worker;
}

function client(): AudioCacheClient {
  if (cache === undefined) throw new Error('Open the client first');
  return cache;
}

declare global {
  /** What a test asks of this page. */
  var repriseTab: typeof tab;
}

globalThis.repriseTab = tab;
