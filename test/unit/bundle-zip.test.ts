import { describe, expect, it, vi } from 'vitest';
import { openZip } from '../../core/bundle/zip-reader';
import { zipFiles } from '../../core/bundle/zip-writer';
import { crc32 } from '../../core/crc32';
import { sequence } from '../bundle-fixture';

// The many files take seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const encoder = new TextEncoder();

async function write(files: Iterable<{ readonly name: string; readonly content: Uint8Array }>, createdAtMs = 0) {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of zipFiles(sequence(files), createdAtMs)) pieces.push(piece);
  return new Blob(pieces);
}

describe('The ZIP of a bundle', () => {
  it('has the CRC-32 that all have', () => {
    // The check value of CRC-32/ISO-HDLC.
    expect(crc32(encoder.encode('123456789'))).toBe(0xcbf4_3926);
    expect(crc32(new Uint8Array())).toBe(0);
  });

  it('may hold more files than fit into the numbers of the first ZIP', async () => {
    const count = 66_000;
    const files = function* () {
      for (let id = 1; id <= count; id++) yield { name: `audio/${id}`, content: encoder.encode(String(id)) };
    };
    const members = await openZip(await write(files()));
    expect(members.size).toBe(count);
    for (const id of [1, 65_535, 65_536, count]) {
      const content = await members.get(`audio/${id}`)?.read();
      expect(new TextDecoder().decode(content)).toBe(String(id));
    }
  });

  it.each([
    ['the turn of a century', Date.UTC(2000, 0, 1, 0, 0, 0), '2000-01-01T00:00:00'],
    ['an even second', Date.UTC(2026, 10, 26, 23, 59, 58), '2026-11-26T23:59:58'],
    ['a time before ZIP', -1, '1980-12-31T23:59:58'],
    ['a time after ZIP', Date.UTC(3000, 5, 1), '2107-06-01T00:00:00'],
  ])('says when it was made: %s', async (_what, createdAtMs, expected) => {
    const view = new DataView(
      await (await write([{ name: 'a', content: encoder.encode('a') }], createdAtMs)).arrayBuffer(),
    );
    const [time, date] = [view.getUint16(10, true), view.getUint16(12, true)];
    const parts = [1980 + (date >> 9), (date >> 5) & 15, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2];
    const [year, month, day, hour, minute, second] = parts.map((part) => String(part).padStart(2, '0'));
    expect(`${year}-${month}-${day}T${hour}:${minute}:${second}`).toBe(expected);
  });

  it('says that names are UTF-8', async () => {
    const members = await openZip(await write([{ name: 'zażółć/🎧', content: encoder.encode('a') }]));
    expect([...members.keys()]).toEqual(['zażółć/🎧']);
  });
});
