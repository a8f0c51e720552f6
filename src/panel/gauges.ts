/**
 * What the tiers hold against their limits, with the marks at which they clean up and what of it is pinned; and what
 * the browser says about the disk, which is an estimate and shown as one.
 */
import type { CacheStats, MemoryConfig, TierState } from '../../core/protocol/values';
import { actionButton } from './actions';
import { card, element, setAttribute, setText, statusLine } from './dom';
import { formatBytes, formatClips, formatCount, formatShare } from './format';
import type { PanelSource } from './panel-source';
import type { PanelView } from './panel-view';

/** Creates the view of bytes held. */
export function createGauges(cache: PanelSource): PanelView {
  const memory = createGauge('memory');
  const disk = createGauge('disk');
  const estimate = element('p', { class: 'note' });
  const promise = element('p', { class: 'note' });
  const status = statusLine();
  const ask = actionButton('Ask the browser to keep it', status, async () =>
    (await cache.persist?.()) ? 'The browser keeps it.' : 'The browser did not agree. It may later, or once installed.',
  );

  return {
    root: card('held', 'Held', memory.root, disk.root, estimate, promise, ask, status),
    update: (stats) => {
      const { tiers, runtime, config } = stats;
      memory.show(tiers.memory, config.memory, tiers.memory.bytes);
      const isThere = runtime.store !== 'none';
      disk.show(
        isThere ? tiers.disk : undefined,
        config.disk,
        tiers.disk.bytesOnDisk,
        tiers.disk.pinned.bytes,
        notes(stats),
      );
      const { estimate: guess, persisted } = tiers.disk;
      const hasRoom = guess && `${formatBytes(guess.usageBytes)} of ${formatBytes(guess.quotaBytes)}`;
      setText(estimate, isThere && hasRoom ? `By the browser’s own estimate this site takes ${hasRoom}.` : '');
      setText(promise, isThere ? promiseOf(persisted) : '');
      ask.hidden = !isThere || !cache.persist || persisted === true;
    },
  };
}

function promiseOf(isPersisted: boolean | undefined): string {
  if (isPersisted === undefined) return '';
  return isPersisted
    ? 'The browser has promised not to delete it on its own account.'
    : 'When space runs out the browser may delete all of it.';
}

/** What there is to say about the disk beside how full it is. */
function notes({ tiers: { disk }, config }: CacheStats): readonly string[] {
  const { pinned, bytesSavedByCompression: spared, damagedRecords, migration, maxBytes } = disk;
  const said = [];
  if (pinned.entries > 0) said.push(`${formatBytes(pinned.bytes)} pinned`);
  if (spared > 0) said.push(`${formatBytes(spared)} spared by compression`);
  if (damagedRecords > 0) said.push(`${formatCount(damagedRecords)} found damaged`);
  if (migration) said.push(`${formatCount(migration.remainingEntries)} to move`);
  if (maxBytes < config.disk.maxBytes) said.push(`limit lowered from ${formatBytes(config.disk.maxBytes)}`);
  return said;
}

function createGauge(name: 'memory' | 'disk') {
  const used = element('span', { class: 'used' });
  const pinned = element('span', { class: 'pinned' });
  const mark = element('i');
  const meter = element(
    'div',
    { class: 'meter', role: 'meter', 'aria-label': `${name}: bytes held` },
    used,
    pinned,
    mark,
  );
  const text = element('span');
  const note = element('small');
  setAttribute(meter, 'aria-valuemin', '0');
  return {
    root: element('div', { class: `tier ${name}` }, element('b', {}, name), text, meter, note),
    show: (
      state: TierState | undefined,
      { highWater, lowWater }: Pick<MemoryConfig, 'highWater' | 'lowWater'>,
      takenBytes: number,
      pinnedBytes = 0,
      said: readonly string[] = [],
    ) => {
      meter.hidden = !state;
      note.hidden = !state;
      if (!state) return setText(text, 'none here');
      const { maxBytes, entries } = state;
      const held = `${formatBytes(takenBytes)} of ${formatBytes(maxBytes)} · ${formatClips(entries)}`;
      const max = Math.max(1, maxBytes);
      setAttribute(meter, 'aria-valuemax', `${max}`);
      setAttribute(meter, 'aria-valuenow', `${Math.min(takenBytes, max)}`);
      setAttribute(meter, 'aria-valuetext', [held, ...said].join(', '));
      setWidth(used, takenBytes / max);
      // Counted as audio, which compression can make more than what it takes.
      setWidth(pinned, Math.min(pinnedBytes, takenBytes) / max);
      setWidth(mark, highWater);
      setText(text, held);
      const water = `cleans up at ${formatShare(highWater)}, down to ${formatShare(lowWater)}`;
      setText(note, [water, ...said].join(' · '));
    },
  };
}

function setWidth(target: HTMLElement, share: number): void {
  const width = `${(Math.min(1, share) * 100).toFixed(1)}%`;
  if (target.style.inlineSize !== width) target.style.inlineSize = width;
}
