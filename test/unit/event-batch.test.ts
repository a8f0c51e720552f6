import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../core/protocol/messages';
import { EventBatch } from '../../worker/event-batch';
import { FakeClock } from '../fake-clock';

const added = (key: string): CacheEvent => ({ type: 'entry-added', key, byteLength: 1 });

function openBatch() {
  const clock = new FakeClock();
  const sent: (readonly CacheEvent[])[] = [];
  return { clock, sent, batch: new EventBatch((events) => sent.push(events), clock) };
}

describe('Events for a page', () => {
  it('go together in one message a moment after the first of them', async () => {
    const { clock, sent, batch } = openBatch();
    batch.add(added('a'));
    await clock.advance(19);
    batch.add(added('b'));
    expect(sent).toEqual([]);
    await clock.advance(1);
    expect(sent).toEqual([[added('a'), added('b')]]);
    await clock.advance(1000);
    expect(sent).toHaveLength(1);
  });

  it('are sent at once, and those before them first, when somebody acts on them', async () => {
    const { clock, sent, batch } = openBatch();
    batch.add(added('a'));
    batch.add({ type: 'fill-abandoned', fillId: 'x' });
    expect(sent).toEqual([[added('a'), { type: 'fill-abandoned', fillId: 'x' }]]);
    await clock.advance(1000);
    expect(sent).toHaveLength(1);
  });
});
