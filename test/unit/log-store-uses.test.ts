/** What a log store keeps of how entries were used, wherever that was written down last. */
import { describe, expect, it } from 'vitest';
import { type LogStoreFixture, NAME_DURABLE_AFTER_MS, openFixture, reclaimAll, soundEntry } from '../log-store-fixture';
import { isCheckpoint, recordsIn } from '../record-layout';
import { keyOf, withoutBytesOnDisk } from '../stored-entries';

/** What is expected of entry 1 after `useOften`. */
const USED = { byteLength: 10_000, createdAtMs: 777, accessedAtMs: 9_000, expiresAtMs: 123_456_789, hits: 5 };

/** Writes entry 1 among others, and uses it in three flushes. */
async function useOften({ store }: LogStoreFixture): Promise<void> {
  for (let id = 0; id < 40; id++) {
    await store.write(
      soundEntry(id, { byteLength: 10_000, createdAtMs: 776 + id, expiresAtMs: 5_000_000 }),
      id,
      'relaxed',
    );
  }
  store.touch(keyOf(1), { accessedAtMs: 7_000, hits: 2 });
  await store.flush();
  store.touch(keyOf(1), { accessedAtMs: 9_000, expiresAtMs: 123_456_790 });
  await store.flush();
  store.touch(keyOf(1), { accessedAtMs: 8_000, hits: 2, expiresAtMs: 123_456_789 });
  await store.flush();
}

async function expectUsed({ store }: LogStoreFixture): Promise<void> {
  const { accessedAtMs, hits, expiresAtMs, createdAtMs } = USED;
  expect((await store.survey([keyOf(1)])).map(withoutBytesOnDisk)).toEqual([USED]);
  expect(await store.readMetadata(keyOf(1))).toMatchObject({
    metadata: { createdAtMs, expiresAtMs },
    accessedAtMs,
    hits,
  });
  expect((await store.read(keyOf(1)))?.metadata.expiresAtMs).toBe(expiresAtMs);
  const page = await store.list({ limit: 1 });
  expect(page.entries[0]).toMatchObject({ metadata: { key: keyOf(1), expiresAtMs }, hits });
}

describe('Uses of an entry', () => {
  it('survive a killed process, whose log is read again', async () => {
    const fixture = await openFixture();
    await useOften(fixture);
    await fixture.killAndReopen();
    await expectUsed(fixture);
  });

  it('survive a close, which leaves them in the checkpoint', async () => {
    const fixture = await openFixture();
    await useOften(fixture);
    await fixture.reopen();
    await expectUsed(fixture);
    // Nothing was written since: the same checkpoint once more.
    await fixture.killAndReopen();
    await expectUsed(fixture);
  });

  it('survive the loss of both checkpoints', async () => {
    const fixture = await openFixture();
    await useOften(fixture);
    await fixture.close();
    const { directory } = fixture;
    for (const name of directory.names.filter(isCheckpoint)) directory.forget(name);
    await fixture.open();
    await expectUsed(fixture);
  });

  it('move with the entry when its segment is emptied', async () => {
    const fixture = await openFixture();
    const { clock, directory } = fixture;
    await clock.advance(2 * NAME_DURABLE_AFTER_MS);
    await useOften(fixture);
    const [before] = recordsIn(directory).filter(({ keys }) => keys[0] === keyOf(1));
    for (let id = 2; id < 40; id++) await fixture.store.remove(keyOf(id));
    await reclaimAll(fixture.store);
    const [after] = recordsIn(directory).filter(({ keys }) => keys[0] === keyOf(1));
    expect(after?.segmentId).toBeGreaterThan(before?.segmentId ?? Number.POSITIVE_INFINITY);
    await expectUsed(fixture);
    directory.kill();
    // Only the record's own head is left to tell.
    for (const name of directory.names.filter(isCheckpoint)) directory.forget(name);
    await fixture.open();
    await expectUsed(fixture);
  });

  it('are lost with power only as far as nobody flushed them', async () => {
    const fixture = await openFixture();
    await fixture.clock.advance(2 * NAME_DURABLE_AFTER_MS);
    await useOften(fixture);
    fixture.store.touch(keyOf(1), { accessedAtMs: 9_500, hits: 10, expiresAtMs: 1 });
    fixture.directory.losePower(() => 0.5, { unflushed: 'lost' });
    await fixture.open();
    await expectUsed(fixture);
  });
});
