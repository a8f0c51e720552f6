/**
 * `npm run test:crash -- --cycles N`: kills a Chromium that writes N times (100 unless told) and reads everything back
 * each time; `--seed S` repeats a campaign's operations and moments, as far as a browser repeats. Ends with
 * `cycles, acknowledged, lost, corrupt`, and with exit code 1 if anything was lost or corrupt. How it is counted:
 * scripts/kill-campaign.mjs.
 */
import { parseArgs } from 'node:util';
import { fail, install } from './install.mjs';

install();

const { runKillCampaign } = await import('./kill-campaign.mjs');

try {
  const { values } = parseArgs({ options: { cycles: { type: 'string' }, seed: { type: 'string' } } });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const report = await runKillCampaign({ cycles: Number(values.cycles ?? 100), seed, onCycle: printCycle });
  const { cycles, acknowledged, gone, lost, corrupt } = report;
  console.log(`${gone} entries of the tight cache were gone, evicted`);
  console.log(`${cycles} cycles, ${acknowledged} acknowledged, ${lost} lost, ${corrupt} corrupt`);
  process.exitCode = lost + corrupt === 0 ? 0 : 1;
} catch (error) {
  fail(error);
}

/** @param {import('./kill-campaign.mjs').CycleReport} report */
function printCycle({
  cycle,
  cache,
  writingMs,
  acknowledged,
  held,
  gone,
  untold,
  lost,
  corrupt,
  damagedRecords,
  problems,
}) {
  console.log(
    `cycle ${cycle} (${cache}): killed after ${writingMs} ms, ${acknowledged} acknowledged, ${held} entries to be held, ` +
      `${gone} gone (${untold} untold), ${damagedRecords} damaged records, ${lost} lost, ${corrupt} corrupt`,
  );
  for (const problem of problems) console.log(`  ${problem}`);
}
