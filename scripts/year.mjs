/**
 * `npm run test:year`: lives through a year of daily use with the documented limits, 1 GiB and seven days, on every store
 * that Node has; what `npm test` does with a limit of 4 MiB. Takes some minutes and 1 GiB of disk.
 */
import { fail, install } from './install.mjs';

install();

const { runTool } = await import('./tools.mjs');

process.env.REPRISE_YEAR_MAX_MIB ??= '1024';
try {
  const isPassed = runTool('vitest', ['run', '--project', 'unit', 'test/unit/simulated-year.test.ts']);
  process.exitCode = isPassed ? 0 : 1;
} catch (error) {
  fail(error);
}
