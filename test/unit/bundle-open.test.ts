import { describe, expect, it, vi } from 'vitest';
import { bundleEntry, bundleOf, entriesIn, hashing, manifestOf, open, zipOf } from '../bundle-fixture';
import { expectEntry, keyOf } from '../stored-entries';

const { metadata, bytes } = bundleEntry(1, { byteLength: 9 });
const line = { file: 'audio/1.mp3', ...metadata };
const plain = { ...line, custom: undefined };

/** A bundle of one entry whose manifest or files were changed. */
const spoiled = ({
  manifest = {},
  entry = {},
  files = {},
}: {
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly entry?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, ArrayBuffer>>;
} = {}) =>
  zipOf({
    'audio/1.mp3': bytes,
    ...files,
    'manifest.json': JSON.stringify({ ...manifestOf([{ ...line, ...entry }], 9), ...manifest }),
  });

async function expectRefusal(blob: Blob, message: RegExp) {
  const opened = open(blob);
  await expect(opened).rejects.toThrow(message);
  await expect(opened).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
}

describe('Opening a bundle', () => {
  it('takes what was put together by hand', async () => {
    const [entry] = await entriesIn(await open(await spoiled()));
    expectEntry(entry, { metadata, bytes });
  });

  it('checks every entry first, and says how far it is', async () => {
    const verify = vi.fn(hashing.verify);
    const steps: [number, number][] = [];
    const blob = await bundleOf([bundleEntry(1), bundleEntry(2), bundleEntry(3)]);
    await open(blob, { verify, onProgress: (...step) => steps.push(step) });
    expect(verify).toHaveBeenCalledTimes(3);
    expect(steps).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it('ends with the reason of an abort, before it begins and between entries', async () => {
    const blob = await bundleOf([bundleEntry(1), bundleEntry(2), bundleEntry(3)]);
    const reason = new Error('Never mind.');
    await expect(open(blob, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const onProgress = vi.fn(() => controller.abort(reason));
    await expect(open(blob, { signal: controller.signal, onProgress })).rejects.toBe(reason);
    expect(onProgress).toHaveBeenCalledTimes(1);
  });

  it('reads a file by its name in the manifest only, whatever path the name looks like', async () => {
    const file = '../../../etc/passwd';
    const blob = await zipOf({ [file]: bytes, 'manifest.json': JSON.stringify(manifestOf([{ ...line, file }], 9)) });
    const [entry] = await entriesIn(await open(blob));
    expectEntry(entry, { metadata, bytes });
    expect(JSON.stringify(entry)).not.toContain('etc');
  });

  it('takes no fields that it does not know', async () => {
    const [entry] = await entriesIn(
      await open(await spoiled({ entry: { file: 'audio/1.mp3', toString: 'x', later: 1 } })),
    );
    expect(entry?.metadata).toEqual(metadata);
    expect(Object.keys(entry?.metadata ?? {})).not.toContain('toString');
  });

  it.each([
    ['nothing', () => new Blob([]), /no ZIP file/],
    ['text', () => new Blob(['Dear Sir or Madam, '.repeat(20)]), /no ZIP file/],
    ['another ZIP', () => zipOf({ 'letter.txt': 'Dear Sir or Madam' }), /no Reprise bundle: it has no manifest.json/],
    ['the manifest of something else', () => zipOf({ 'manifest.json': '{"name":"app"}' }), /no Reprise bundle/],
    ['a manifest that is no JSON', () => zipOf({ 'manifest.json': 'format: reprise' }), /not JSON/],
    [
      'a manifest that is no UTF-8',
      () => zipOf({ 'manifest.json': Uint8Array.of(0x22, 0xff, 0x22).buffer }),
      /not JSON/,
    ],
    ['a manifest that is null', () => zipOf({ 'manifest.json': 'null' }), /no Reprise bundle/],
    ['a newer version', () => spoiled({ manifest: { version: 2, entries: 'elsewhere' } }), /newer version 2/],
    ['a version that is none', () => spoiled({ manifest: { version: '1' } }), /no valid version/],
    ['version 0', () => spoiled({ manifest: { version: 0 } }), /no valid version/],
    ['no time', () => spoiled({ manifest: { createdAtMs: null } }), /time of creation/],
    ['no namespace', () => spoiled({ manifest: { namespace: 7 } }), /namespace/],
    ['no list', () => spoiled({ manifest: { entries: {} } }), /as many entries/],
    ['another count', () => spoiled({ manifest: { count: 2 } }), /as many entries/],
    ['another sum of bytes', () => spoiled({ manifest: { bytes: 8 } }), /as many bytes/],
    ['an entry that is none', () => spoiled({ manifest: { entries: [null] } }), /Entry 1 of this bundle is no entry/],
    ['an entry without a file', () => spoiled({ entry: { file: 1 } }), /Entry 1 of this bundle names no file/],
    [
      'an entry whose file is missing',
      () => spoiled({ entry: { file: 'audio/2.mp3' } }),
      /no audio of its own for entry 1/,
    ],
    ['an entry whose file is the manifest', () => spoiled({ entry: { file: 'manifest.json' } }), /no audio of its own/],
    [
      'a file without an entry',
      () => spoiled({ files: { 'audio/2.mp3': bytes } }),
      /1 files that its manifest does not name/,
    ],
    [
      'a file of another size',
      () => spoiled({ files: { 'audio/1.mp3': bytes.slice(1) } }),
      /damaged at entry 1 .*another size/,
    ],
    [
      'a checksum of other audio',
      () => spoiled({ entry: { checksum: hashing.checksum(bytes.slice(1)) } }),
      /damaged at entry 1 \(v1_0.*checksum/,
    ],
    [
      'one file for two entries',
      () => spoiled({ manifest: { count: 2, bytes: 18, entries: [line, { ...line, key: keyOf(2) }] } }),
      /no audio of its own for entry 2/,
    ],
    [
      'one key for two entries',
      () =>
        spoiled({
          manifest: { count: 2, bytes: 18, entries: [line, { ...line, file: 'audio/2.mp3' }] },
          files: { 'audio/2.mp3': bytes },
        }),
      /damaged at entry 2 .*another one has its key/,
    ],
    [
      'more audio than there can be',
      () => spoiled({ manifest: { bytes: 2 ** 31 }, entry: { byteLength: 2 ** 31 } }),
      /more audio than it is long/,
    ],
  ])('refuses %s', async (_what, create, message) => {
    await expectRefusal(await create(), message);
  });

  it.each([
    ['key', ['v2_00', 7, undefined, `${keyOf(1)}0`, keyOf(1).toUpperCase(), `../${keyOf(1)}`]],
    ['contentType', ['', 'text/html', 'audio/', 'audio/mpeg\r\nSet-Cookie: a=b', `audio/${'x'.repeat(300)}`, null]],
    ['byteLength', [0, -9, 9.5, '9', null]],
    ['createdAtMs', [null, '2026', 1e300]],
    ['expiresAtMs', ['never', undefined, 1e300, false]],
    ['ttlMs', [-1, 'long', false]],
    ['origin', ['heaven', null, 1]],
    ['characters', [-1, 0.5, null, '5']],
    ['synthesisMs', [-1, null, 'fast']],
    [
      'checksum',
      [null, {}, { kind: 'md5', hex: '00' }, { kind: 'xxh64', hex: '12' }, { kind: 'crc32', hex: 'ABCDEF01' }],
    ],
    ['fingerprint', ['', 'xyz', 7, '0'.repeat(65)]],
    ['spec', [null, 'text', [], { text: '' }, { text: 'a', volume: 1 }, { text: 'a', speed: 99 }, { voice: 'a' }]],
    ['custom', [null, [], 'text', 7]],
    ['collections', ['book', [''], ['x'.repeat(201)], [7], { 0: 'book' }, new Array(10_001).fill('a')]],
    ['pinned', [1, 'yes', null]],
  ])('refuses a wrong %s', async (field, values) => {
    for (const value of values) {
      await expectRefusal(
        await spoiled({ entry: { [field]: value } }),
        new RegExp(`Entry 1 .*"${field}"|as many bytes`),
      );
    }
  });

  it('lets nothing into a prototype', async () => {
    const manifest = JSON.stringify(manifestOf([plain], 9));
    const nested = (json: string) => manifest.replace('"file"', `${json},"file"`);
    const blob = (json: string) => zipOf({ 'audio/1.mp3': bytes, 'manifest.json': nested(json) });
    await expectRefusal(await blob('"custom":{"a":[{"__proto__":{"polluted":1}}]}'), /"custom"/);
    await expectRefusal(await blob('"spec":{"text":"a","extra":{"__proto__":1}}'), /"spec"/);
    await expectRefusal(await blob('"spec":{"text":"a","__proto__":{"voice":"b"}}'), /"spec"/);
    const [entry] = await entriesIn(await open(await blob('"__proto__":{"pinned":true}')));
    expect(entry?.metadata.pinned).toBeUndefined();
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    // A manifest that leaves everything to a prototype is none.
    await expectRefusal(await zipOf({ 'manifest.json': `{"__proto__":${manifest}}` }), /no Reprise bundle/);
  });

  it('takes nothing from a prototype that somebody else polluted', async () => {
    const blob = await zipOf({ 'audio/1.mp3': bytes, 'manifest.json': JSON.stringify(manifestOf([plain], 9)) });
    Object.defineProperty(Object.prototype, 'pinned', { value: true, configurable: true });
    try {
      const [entry] = await entriesIn(await open(blob));
      expect(Object.hasOwn(entry?.metadata ?? {}, 'pinned')).toBe(false);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'pinned');
    }
  });

  it('refuses JSON nested without an end', async () => {
    const deep = (depth: number) => `"custom":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const manifest = (json: string) => JSON.stringify(manifestOf([plain], 9)).replace('"file"', `${json},"file"`);
    for (const depth of [101, 100_000]) {
      const blob = await zipOf({ 'audio/1.mp3': bytes, 'manifest.json': manifest(deep(depth)) });
      await expectRefusal(blob, /"custom"|not JSON/);
    }
  });

  it('notices a file that changes after it was opened', async () => {
    const blob = await bundleOf([bundleEntry(1), bundleEntry(2)]);
    const file = new Uint8Array(await blob.arrayBuffer());
    // Stands in for a file on a disk, which a Blob in memory is not.
    const changing = new Blob([file]);
    let isChanged = false;
    const slice = changing.slice.bind(changing);
    vi.spyOn(changing, 'slice').mockImplementation((start, end) => {
      if (!isChanged || Number(end) - Number(start) < 500) return slice(start, end);
      return new Blob([new Uint8Array(Number(end) - Number(start))]);
    });
    const bundle = await open(changing);
    isChanged = true;
    await expect(entriesIn(bundle)).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });
});
