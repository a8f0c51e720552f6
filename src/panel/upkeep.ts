/** What the cache threw out and moved, and what can be asked of it as a whole: cleanup, check, export, import. */
import type { CleanupReport } from '../../core/protocol/values';
import { actionButton, download, fileName } from './actions';
import { card, element, figures, setText, statusLine } from './dom';
import { formatBytes, formatClips, formatCount, formatTime } from './format';
import type { PanelSource } from './panel-source';
import type { PanelView } from './panel-view';

/** Creates the view. Controls whose method the source has not are left out. */
export function createUpkeep(cache: PanelSource): PanelView {
  const moved = figures('evicted', 'expired', 'promoted', 'demoted', 'damaged', 'not kept');
  const status = statusLine();
  const progress = element('progress', { 'aria-label': 'How far it is', hidden: '' });
  const buttons = element('div', { class: 'buttons' });
  const file = element('input', { type: 'file', 'aria-label': 'Bundle to import', accept: '.zip,application/zip' });
  const schedule = element('input', { type: 'checkbox' });
  const scheduleText = element('span');
  const scheduleLabel = element('label', { class: 'check' }, schedule, scheduleText);

  const showProgress = ({ done, total }: { readonly done: number; readonly total: number }) => {
    progress.hidden = false;
    progress.max = Math.max(1, total);
    progress.value = done;
  };
  /** Long work, beside which the line of status is empty and the bar moves. */
  const add = (label: string, work: () => Promise<string | undefined>) => {
    const button = actionButton(label, status, async () => {
      setText(status, '');
      try {
        return await work();
      } finally {
        progress.hidden = true;
        progress.removeAttribute('value');
      }
    });
    buttons.append(button);
    return button;
  };

  if (cache.cleanup) add('Clean up now', async () => describeCleanup(await cache.cleanup?.()));
  if (cache.verify) {
    add('Verify all', async () => {
      const report = await cache.verify?.({ onProgress: showProgress });
      if (!report) return undefined;
      const { checked, intact, damaged, unreadable, unverifiable } = report;
      const lost = damaged.length + unreadable;
      const rest = unverifiable > 0 ? ` ${formatCount(unverifiable)} could not be checked here.` : '';
      const bad = lost > 0 ? `${formatClips(lost)} damaged, and gone.` : 'None is damaged.';
      return `${formatCount(intact)} of ${formatCount(checked)} clips are what was stored. ${bad}${rest}`;
    });
  }
  if (cache.exportBundle) {
    add('Export all', () => saveBundle(cache, undefined, showProgress));
  }
  if (cache.importBundle) {
    const choose = add('Import…', async () => {
      const [chosen] = file.files ?? [];
      file.value = '';
      if (!chosen) return undefined;
      const report = await cache.importBundle?.(chosen, { onProgress: showProgress });
      if (!report) return undefined;
      const { imported, kept, refused } = report;
      return `Imported ${formatCount(imported)}, ${formatCount(kept)} were here already, ${formatCount(refused)} did not fit.`;
    });
    const importChosen = choose.onclick;
    // The button opens the dialog; what was chosen there is imported as if the button had been pressed.
    choose.onclick = () => file.click();
    file.onchange = () => importChosen?.call(choose, new PointerEvent('click'));
    file.hidden = true;
  }
  schedule.onchange = () => {
    const isDone = schedule.checked ? cache.startCleanup?.() : cache.stopCleanup?.();
    isDone?.catch((error: unknown) => setText(status, String(error)));
  };
  scheduleLabel.hidden = !cache.startCleanup || !cache.stopCleanup;

  return {
    root: card('upkeep', 'Upkeep', moved.list, scheduleLabel, buttons, file, progress, status),
    update: ({ performance: { evictions, expirations, promotions, demotions, errors }, runtime, config }) => {
      const counts = [evictions, expirations, promotions, demotions, errors.corrupt, errors.refused];
      moved.show(...counts.map(formatCount));
      if (schedule.checked !== runtime.isCleanupScheduled) schedule.checked = runtime.isCleanupScheduled;
      setText(scheduleText, `Clean up every ${formatTime(config.cleanupIntervalMs)}`);
    },
  };
}

/** Saves a collection, or everything, as a file; resolves to what to say about it. */
export async function saveBundle(
  cache: PanelSource,
  collection: string | undefined,
  onProgress?: (progress: { readonly done: number; readonly total: number }) => void,
): Promise<string | undefined> {
  const stream = await cache.exportBundle?.({ ...(collection === undefined ? {} : { collection }), onProgress });
  if (!stream) return undefined;
  const blob = await new Response(stream).blob();
  const name = fileName('zip', cache.getSnapshot().config.namespace, collection);
  download(blob, name);
  return `Saved ${name}, ${formatBytes(blob.size)}.`;
}

/** What a cleanup removed, in words. */
export function describeCleanup(report: CleanupReport | undefined): string | undefined {
  if (!report) return undefined;
  const parts: string[] = [];
  for (const tier of ['memory', 'disk'] as const) {
    for (const reason of ['expired', 'evicted'] as const) {
      const { entries, bytes } = report[tier][reason];
      if (entries > 0) parts.push(`${formatCount(entries)} ${reason} from ${tier} (${formatBytes(bytes)})`);
    }
  }
  const what = parts.length > 0 ? `Removed ${parts.join(', ')}.` : 'There was nothing to remove.';
  return report.complete ? what : `${what} There is more to do; the next cleanup goes on.`;
}
