import { describe, expect, it } from 'vitest';
import { createGiveWay } from '../../core/give-way';
import { openDiskTier, wholeEntry } from '../disk-tier-fixture';
import { FakeClock, settle } from '../fake-clock';

describe('Long work', () => {
  it('goes on without a pause until its slice is used up, then lets others have a turn', async () => {
    const clock = new FakeClock();
    const giveWay = createGiveWay(clock);
    expect(giveWay()).toBeUndefined();
    await clock.advance(4);
    const pausing = giveWay();
    expect(pausing).toBeInstanceOf(Promise);
    let isOver = false;
    void pausing?.then(() => {
      isOver = true;
    });
    await settle();
    expect(isOver).toBe(false);
    await clock.advance(0);
    expect(isOver).toBe(true);
    expect(giveWay()).toBeUndefined();
  });

  it('makes no slice longer when the clock is set back', () => {
    const clock = new FakeClock();
    const giveWay = createGiveWay(clock);
    clock.setTo(clock.nowMs() - 3_600_000);
    expect(giveWay()).toBeInstanceOf(Promise);
  });

  it('of a cleanup lets whoever asks meanwhile wait for a step at most', async () => {
    const fixture = await openDiskTier({ config: { maxBytes: 10_000_000 } });
    const { tier, clock, disk } = fixture;
    const expiresAtMs = clock.nowMs() + 1_000;
    for (let id = 0; id < 500; id++) await tier.put(wholeEntry(fixture, id, { expiresAtMs }), 'relaxed');
    await clock.advance(1_000);
    // Each step takes three milliseconds of the clock.
    const removeExpired = disk.removeExpired.bind(disk);
    disk.removeExpired = (nowMs, maxEntries) => {
      clock.setTo(clock.nowMs() + 3);
      return removeExpired(nowMs, maxEntries);
    };
    let turns = 0;
    let isOver = false;
    const takeTurns = () => {
      turns++;
      if (!isOver) clock.schedule(takeTurns, 1);
    };
    clock.schedule(takeTurns, 0);
    const cleaning = tier.cleanup().finally(() => {
      isOver = true;
    });
    for (let step = 0; step < 60 && !isOver; step++) await clock.advance(1);
    expect((await cleaning).expired.entries).toBe(500);
    // Eleven steps of 3 ms in slices of 4: a turn after every second one.
    expect(turns).toBeGreaterThanOrEqual(5);
  });
});
