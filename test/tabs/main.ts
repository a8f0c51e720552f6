/**
 * A tab of the tests with several: a client, and what a test asks of it. Syntheses are made and counted by the server
 * (scripts/tab-site.mjs), so that those of a tab that died count, too. Every clip is compared with what it should be.
 */
import { AudioCacheClient } from '../../src/index';
import { audioOfTake, isAudioOfText, sameBytes } from './spoken';
import type { Pumped, SeenEvent, TabPage } from './tab-page';

const EVENT_TYPES = ['entry-added', 'entry-deleted', 'cleared', 'owner-changed', 'failed', 'warning'] as const;

let cache: AudioCacheClient | undefined;
let pumped = { answeredAtMs: [] as number[], wrong: 0, failed: 0 };
let isPumping = false;
let restoredAtMs: number | undefined;
const events: SeenEvent[] = [];
const workers: Worker[] = [];

addEventListener('pagehide', () => localStorage.setItem('goneAtMs', `${Date.now()}`));
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) restoredAtMs = Date.now();
});

const page: TabPage = {
  async open(options, canHang = false) {
    const opened = new AudioCacheClient({
      ...options,
      ...(canHang ? { worker: startHangingWorker } : {}),
      onWarning: () => {},
      synthesize: ({ text }, { signal }) =>
        fetch(`/speech?text=${encodeURIComponent(text)}`, { method: 'POST', signal }),
    });
    for (const type of EVENT_TYPES) {
      opened.on(type, (event) => {
        const { key, role } = { key: undefined, role: undefined, ...event };
        events.push({ type, atMs: Date.now(), ...(key && { key }), ...(role && { role }) });
      });
    }
    cache = opened;
    await opened.stats();
  },

  close: () => client().close(),

  async say(text, timeoutMs) {
    const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const clip = await client().getOrSynthesize(text, { signal });
    return { source: clip.source, joined: clip.joined, isRight: isAudioOfText(await clip.bytes(), text) };
  },

  source: async (text) => (await client().get(text))?.source,

  async take(text) {
    const clip = await client().get(text);
    if (clip === undefined) return undefined;
    const take = Number(clip.metadata.custom?.take);
    return sameBytes(new Uint8Array(await clip.bytes()), audioOfTake(text, take)) ? take : -1;
  },

  async put(text, take) {
    await client().put(text, audioOfTake(text, take).buffer, { contentType: 'audio/mpeg', custom: { take } });
  },

  async putBytes(text, byteLength) {
    const bytes = new Uint8Array(byteLength).fill(7);
    bytes.set([0x49, 0x44, 0x33]);
    await client().put(text, bytes.buffer, { contentType: 'audio/mpeg' });
  },

  async putPinned(text, take, collection) {
    const labels = { collections: [collection], pinned: true };
    await client().put(text, audioOfTake(text, take).buffer, {
      contentType: 'audio/mpeg',
      custom: { take },
      ...labels,
    });
  },

  collection: (name) => client().collection(name),
  configure: (change) => client().configure(change),
  delete: (text) => client().delete(text),
  clear: () => client().clear(),
  stats: () => client().stats(),
  snapshot: () => client().getSnapshot(),
  events: () => events.splice(0),

  startPump(texts) {
    isPumping = true;
    pumped = { answeredAtMs: [], wrong: 0, failed: 0 };
    void (async () => {
      for (let turn = 0; isPumping; turn++) {
        try {
          const { isRight } = await page.say(texts[turn % texts.length] ?? '');
          pumped.answeredAtMs.push(Date.now());
          if (!isRight) pumped.wrong++;
        } catch {
          pumped.failed++;
        }
      }
    })();
  },

  stopPump(): Pumped {
    isPumping = false;
    return pumped;
  },

  firstAnswerOfNextOwner(sinceMs) {
    const change = events.find(({ type, atMs }) => type === 'owner-changed' && atMs >= sinceMs);
    return change && pumped.answeredAtMs.find((atMs) => atMs >= change.atMs);
  },

  goneAtMs: () => Number(localStorage.getItem('goneAtMs')),
  restoredAtMs: () => restoredAtMs,

  cameBack: () => (restoredAtMs === undefined ? 'loaded' : 'restored'),

  hang() {
    for (const worker of workers) worker.postMessage('hang');
  },

  post(channelName, message) {
    const channel = new BroadcastChannel(channelName);
    channel.postMessage(message);
    channel.close();
  },

  async locksHeld() {
    const { held = [] } = await navigator.locks.query();
    return held.map(({ name = '' }) => name);
  },

  async timeHits(text, count) {
    const times: number[] = [];
    for (let call = 0; call < count; call++) {
      const startedAt = performance.now();
      const clip = await client().get(text);
      await clip?.bytes({ transfer: true });
      times.push(performance.now() - startedAt);
      if (clip?.source !== 'memory') throw new Error(`"${text}" should be in memory`);
    }
    return times;
  },

  answerEcho(channelName, byteLength) {
    const bytes = new Uint8Array(byteLength).buffer;
    const questions = new BroadcastChannel(channelName);
    const answers = new BroadcastChannel(`${channelName}:answer`);
    questions.addEventListener('message', ({ data }) => answers.postMessage({ id: data, bytes }));
  },

  async timeEcho(channelName, count) {
    const questions = new BroadcastChannel(channelName);
    const answers = new BroadcastChannel(`${channelName}:answer`);
    const times: number[] = [];
    for (let id = 0; id < count; id++) {
      const startedAt = performance.now();
      await new Promise<void>((resolve) => {
        answers.onmessage = ({ data }) => {
          if (data.id === id && data.bytes.byteLength > 0) resolve();
        };
        questions.postMessage(id);
      });
      times.push(performance.now() - startedAt);
    }
    questions.close();
    answers.close();
    return times;
  },

  async memoryBytes() {
    // Chromium's, on isolated pages.
    const { measureUserAgentSpecificMemory } = performance as {
      measureUserAgentSpecificMemory?: () => Promise<{ readonly bytes: number }>;
    };
    return (await measureUserAgentSpecificMemory?.call(performance))?.bytes;
  },
};

function startHangingWorker(): Worker {
  const worker = new Worker(new URL('../worker/hanging-worker.ts', import.meta.url), { type: 'module' });
  workers.push(worker);
  return worker;
}

function client(): AudioCacheClient {
  if (cache === undefined) throw new Error('Open the client first');
  return cache;
}

Object.assign(globalThis, { repriseTab: page });
