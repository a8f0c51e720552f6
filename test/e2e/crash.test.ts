/** What `npm run test:crash` does at length, a few times over. How it is counted: scripts/kill-campaign.mjs. */
import { expect, test } from 'vitest';
import { runKillCampaign } from '../../scripts/kill-campaign.mjs';

const CYCLES = 25;
const MAX_WRITING_MS = 500;

test('a browser killed while it writes loses no acknowledged entry and corrupts none', {
  timeout: 300_000,
}, async () => {
  const problems: string[] = [];
  const report = await runKillCampaign({
    cycles: CYCLES,
    seed: 3,
    maxWritingMs: MAX_WRITING_MS,
    onCycle: (report) => {
      for (const problem of report.problems) problems.push(`cycle ${report.cycle} (${report.cache}): ${problem}`);
    },
  });
  expect(problems).toEqual([]);
  expect(report).toMatchObject({ cycles: CYCLES, lost: 0, corrupt: 0 });
  // Kills that hit nothing would show nothing.
  expect(report.acknowledged).toBeGreaterThan(CYCLES * 10);
});
