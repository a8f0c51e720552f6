/** What the tiers hold against their limits, and what the cache has saved so far. */
import type { TierState } from '../../core/protocol/values';
import { card, element, figures, setAttribute, setText } from './dom';
import { formatBytes, formatCount, formatTime } from './format';
import type { PanelView } from './panel-view';

/** Creates the view of bytes held. */
export function createTierMeters(): PanelView {
  const memory = tierMeter('memory');
  const disk = tierMeter('disk');
  return {
    root: card('held', 'Held', memory.root, disk.root),
    update: ({ tiers, runtime }) => {
      memory.show(tiers.memory);
      const { bytesOnDisk, migration } = tiers.disk;
      const note = migration ? ` · ${formatCount(migration.remainingEntries)} to move` : '';
      disk.show(runtime.store === 'none' ? undefined : tiers.disk, bytesOnDisk, note);
    },
  };
}

/** Creates the view of what was not asked of the origin. */
export function createSavings(): PanelView {
  const saved = figures('requests', 'characters', 'waiting');
  return {
    root: card('saved', 'Saved', saved.list),
    update: ({ performance: { saved: amounts } }) =>
      saved.show(
        formatCount(amounts.requests),
        formatCount(amounts.characters),
        amounts.synthesisMs ? formatTime(amounts.synthesisMs) : '0 s',
      ),
  };
}

function tierMeter(name: 'memory' | 'disk') {
  const meter = element('meter', { 'aria-label': `${name}: bytes held`, min: '0' });
  const text = element('span');
  return {
    root: element('div', { class: `tier ${name}` }, element('b', {}, name), text, meter),
    /** `takenBytes`: what counts towards the limit, if not the audio. */
    show: (state: TierState | undefined, takenBytes?: number, note = '') => {
      meter.hidden = !state;
      if (!state) return setText(text, 'none here');
      const { maxBytes, entries } = state;
      const bytes = takenBytes ?? state.bytes;
      // `max` first: a value above it would be cut off.
      setAttribute(meter, 'max', `${Math.max(1, maxBytes)}`);
      setAttribute(meter, 'value', `${bytes}`);
      setText(text, `${formatBytes(bytes)} of ${formatBytes(maxBytes)} · ${formatCount(entries)} clips${note}`);
    },
  };
}
