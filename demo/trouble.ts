/** The buttons that bring the small cache into trouble: full, expired, without room. */
import type { CleanupReport } from 'reprise-cache';
import { element } from './settings';
import { SMALL_LIMIT_BYTES, type SmallCache } from './small-cache';
import { explainFailure } from './wording';

const LIMIT = `${SMALL_LIMIT_BYTES / 1024 / 1024} MB`;

/** Connects the buttons. `onUse` is called before the small cache is used, so that the panel shows it. */
export function setUpTrouble(smallCache: SmallCache, onUse: () => void): void {
  const result = element('trouble-result', HTMLParagraphElement);
  const works: Readonly<Record<string, (signal: AbortSignal) => Promise<string>>> = {
    fill: async (signal) => {
      const { put, evicted } = await smallCache.fill(signal, (count) => say(`Put ${count} clips …`));
      if (evicted === 0) return `Put ${put} clips, and nothing had to go.`;
      return `Put ${put} clips; then the ${evicted} used longest ago were evicted to stay below ${LIMIT}.`;
    },
    expire: async () => describeExpiry(await smallCache.expire()),
    quota: async (signal) => {
      const put = await smallCache.fillWithPins(signal, (count) => say(`Pinned ${count} clips …`));
      const refused = `After ${put} pinned clips the next one was refused (QUOTA_EXCEEDED), and now there is no room at all.`;
      say(`${refused} Now it has to speak …`);
      await smallCache.takeRoomAway();
      const clip = await smallCache.sayLastWords(signal);
      try {
        await clip.play({ signal });
      } finally {
        clip.release();
      }
      return `${refused} The phrase played anyway.`;
    },
    empty: async () => {
      await smallCache.empty();
      return 'The small cache is empty.';
    },
  };
  let running: AbortController | undefined;
  for (const [id, work] of Object.entries(works)) {
    element(id, HTMLButtonElement).addEventListener('click', () => void run(work));
  }

  /** What is asked for last is done, and what was under way is left. */
  async function run(work: (signal: AbortSignal) => Promise<string>): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    onUse();
    say('One moment …');
    try {
      const said = await work(mine.signal);
      if (running === mine) say(said);
    } catch (error) {
      if (running === mine) say(explainFailure(error) ?? 'Stopped.');
    }
  }

  function say(text: string): void {
    result.textContent = text;
  }
}

function describeExpiry({ memory, disk }: CleanupReport): string {
  const gone = disk.expired.entries;
  if (gone + memory.expired.entries === 0) return 'There was nothing that could expire: pinned clips never do.';
  return `Every clip was given a millisecond to live; the cleanup then found ${gone} expired on disk and removed them.`;
}
