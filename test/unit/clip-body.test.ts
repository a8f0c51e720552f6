import { describe, expect, it } from 'vitest';
import { WholeBody } from '../../src/clip-body';
import { GrowingBody } from '../../src/growing-body';
import { settle } from '../fake-clock';

const piece = (...bytes: readonly number[]) => Uint8Array.from(bytes);
const listOf = (bytes: ArrayBuffer) => [...new Uint8Array(bytes)];

async function readAll(stream: ReadableStream<Uint8Array>): Promise<readonly number[]> {
  const bytes: number[] = [];
  for await (const chunk of stream) bytes.push(...chunk);
  return bytes;
}

describe('Audio that is growing', () => {
  it('is read as it comes, from its first byte, by whoever comes when', async () => {
    const body = new GrowingBody();
    const early = readAll(body.stream());
    body.append(piece(1, 2));
    await settle();
    const later = body.stream().getReader();
    expect((await later.read()).value).toEqual(piece(1, 2));
    body.append(piece(3));
    body.append(piece());
    body.append(piece(4));
    body.finish();
    expect(await early).toEqual([1, 2, 3, 4]);
    expect((await later.read()).value).toEqual(piece(3));
    expect((await later.read()).value).toEqual(piece(4));
    expect((await later.read()).done).toBe(true);
    expect(await readAll(body.stream())).toEqual([1, 2, 3, 4]);
  });

  it('is whole only when it is finished', async () => {
    const body = new GrowingBody();
    let isWhole = false;
    void body.whole.then(() => {
      isWhole = true;
    });
    body.append(piece(1));
    await settle();
    expect(isWhole).toBe(false);
    expect(body.byteLength).toBe(1);
    body.finish();
    await settle();
    expect(isWhole).toBe(true);
  });

  it('that breaks off is read up to there, and then fails its readers', async () => {
    const body = new GrowingBody();
    const waiting = body.stream().getReader();
    body.append(piece(1));
    expect((await waiting.read()).value).toEqual(piece(1));
    const next = waiting.read();
    body.fail(new Error('broke off'));
    await expect(next).rejects.toThrow('broke off');
    await expect(body.whole).rejects.toThrow('broke off');
    const late = body.stream().getReader();
    expect((await late.read()).value).toEqual(piece(1));
    await expect(late.read()).rejects.toThrow('broke off');
  });

  it('that breaks off unheard fails nobody', async () => {
    new GrowingBody().fail(new Error('broke off'));
    await settle();
  });

  it('does not mind a reader who leaves in the middle', async () => {
    const body = new GrowingBody();
    const reader = body.stream().getReader();
    body.append(piece(1));
    await reader.read();
    await reader.cancel();
    body.append(piece(2));
    body.finish();
    await settle();
    expect(listOf(body.copy())).toEqual([1, 2]);
  });

  it('hands out nothing that readers share', async () => {
    const body = new GrowingBody();
    body.append(piece(1, 2));
    body.finish();
    const [chunk] = [(await body.stream().getReader().read()).value];
    chunk?.fill(9);
    new Uint8Array(body.copy()).fill(9);
    new Uint8Array(body.take()).fill(9);
    body.head(2).fill(9);
    expect(listOf(body.copy())).toEqual([1, 2]);
  });

  it.each([0, 1, 2, 3, 5, 100])('shows its first %i bytes over the borders of its pieces', (length) => {
    const body = new GrowingBody();
    for (const each of [piece(1, 2), piece(3), piece(4, 5, 6)]) body.append(each);
    expect([...body.head(length)]).toEqual([1, 2, 3, 4, 5, 6].slice(0, length));
  });

  it('takes pieces that are windows onto a larger buffer', () => {
    const body = new GrowingBody();
    body.append(piece(0, 1, 2, 3, 0).subarray(1, 4));
    body.append(piece(0, 4, 0).subarray(1, 2));
    expect(listOf(body.copy())).toEqual([1, 2, 3, 4]);
    expect([...body.head(4)]).toEqual([1, 2, 3, 4]);
  });
});

describe('Audio that is all there', () => {
  it('is handed out as copies, or once and for all', async () => {
    const bytes = piece(1, 2, 3).buffer;
    const body = new WholeBody(bytes);
    await body.whole;
    expect(body.byteLength).toBe(3);
    expect(body.copy()).not.toBe(bytes);
    new Uint8Array(body.copy()).fill(9);
    expect(await readAll(body.stream())).toEqual([1, 2, 3]);
    expect(body.take()).toBe(bytes);
  });

  it('may be nothing at all', async () => {
    const body = new WholeBody(new ArrayBuffer(0));
    expect(await readAll(body.stream())).toEqual([]);
    expect(body.copy().byteLength).toBe(0);
  });
});
