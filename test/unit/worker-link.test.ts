/** The line to a worker, over real message ports but with the worker in this process. */
import { expose } from 'comlink';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AudioCacheError } from '../../core/protocol/audio-cache-error';
import { PROTOCOL_VERSION } from '../../core/protocol/messages';
import type { SpeechSpec } from '../../core/protocol/values';
import { WorkerLink } from '../../src/worker-link';
import { CacheService } from '../../worker/cache-service';
import { audioOf, configOf, resultOf } from '../cache-fixture';
import { FakeClock } from '../fake-clock';

let ports: MessagePort[] = [];

/** A link to a worker that keeps its audio in memory only. */
function openLink(protocolVersion = PROTOCOL_VERSION): WorkerLink {
  const clock = new FakeClock();
  const startWorker = (): Worker => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    expose(new CacheService({ clock, openStore: async () => undefined }), port2);
    // Of a worker the link uses what a port has too, and its end.
    return Object.assign(port1, { terminate: () => port1.close() }) as unknown as Worker;
  };
  return new WorkerLink({
    start: startWorker,
    open: () => ({ protocolVersion, config: configOf() }),
    callTimeoutMs: 5000,
    clock,
    onEvent: () => {},
    onLost: () => {},
  });
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const port of ports) port.close();
  ports = [];
});

describe('A line to a worker', () => {
  it('carries requests there, and answers and errors back as what they were', async () => {
    const link = openLink();
    const address = { spec: { text: 'Hello' } };
    const bytes = audioOf(1);
    await link.call(
      { type: 'put', address, bytes, result: resultOf(1000), durability: 'memory' },
      { transfer: [bytes] },
    );
    expect(bytes.byteLength).toBe(0);
    expect(await link.call({ type: 'get', address })).toMatchObject({ source: 'memory', bytes: audioOf(1) });
    const refused = link.call({ type: 'get', address: { spec: { text: 'x', speed: 11 } } });
    await expect(refused).rejects.toBeInstanceOf(AudioCacheError);
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_SPEC', field: 'speed' });
  });

  it.each<readonly [what: string, extra: unknown]>([
    ['a function', { onEnd: () => {} }],
    ['a symbol', [Symbol('x')]],
  ])('says what is wrong with a spec that cannot even be sent: it holds %s', async (_, extra) => {
    const link = openLink();
    // What a page without type checks passes.
    const spec = { text: 'x', extra } as SpeechSpec;
    await expect(link.call({ type: 'get', address: { spec } })).rejects.toMatchObject({ code: 'INVALID_SPEC' });
    expect(await link.call({ type: 'has', address: { spec: { text: 'x' } } })).toBe(false);
  });

  it('goes on without a worker that speaks another version, and says why', async () => {
    const link = openLink(PROTOCOL_VERSION + 1);
    const call = link.call({ type: 'ping' });
    await expect(call).rejects.toMatchObject({ code: 'WORKER_LOST', cause: { code: 'INVALID_OPTIONS' } });
  });

  it('rejects what is pending and what comes later when it is ended', async () => {
    const link = openLink();
    const pending = link.call({ type: 'ping' });
    link.end(new AudioCacheError('CLOSED', 'Closed.'));
    await expect(pending).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(link.call({ type: 'ping' })).rejects.toMatchObject({ code: 'CLOSED' });
  });

  // One that is only let go of is garbage, for which Comlink runs a script, and that costs a frozen page its place.
  it.each(['its end', 'a loss'])('releases at %s each of the proxies it has made', async (when) => {
    const made = vi.spyOn(FinalizationRegistry.prototype, 'register');
    const forgotten = vi.spyOn(FinalizationRegistry.prototype, 'unregister');
    const link = openLink(when === 'its end' ? PROTOCOL_VERSION : PROTOCOL_VERSION + 1);
    const call = link.call({ type: 'ping' });
    if (when === 'its end') {
      await call;
      link.end(new AudioCacheError('CLOSED', 'Closed.'));
    } else {
      await call.catch(() => {});
    }
    // The page's ends; a proxy in this process is the worker's, which goes with it.
    const pagesEnds = ports.filter((_, index) => index % 2 === 0);
    const proxies = made.mock.calls.filter(([, end]) => pagesEnds.includes(end as MessagePort)).map(([held]) => held);
    const released = new Set(forgotten.mock.calls.map(([held]) => held));
    // Only counted: one that was released throws when anything of it is looked at.
    expect(proxies.length).toBeGreaterThan(0);
    expect(proxies.filter((held) => !released.has(held)).length).toBe(0);
  });
});
