/**
 * `npm test`: everything that must hold, from a bare clone; `npm test -- NAME` runs only the tests that match.
 *
 * Nothing stops at the first failure, so one run tells all of them. The last line is `N passed, N failed`: tests, and
 * each check as one. An engine that the machine lacks, and that cannot be installed without asking, is no failure (only
 * Chromium is) but named on a line of its own before that.
 */
import { install } from './install.mjs';

// Whatever ends the process early, such as an install that fails, is one failure and still gets its last line.
let [passed, failed] = [0, 1];
process.once('exit', () => console.log(`${passed} passed, ${failed} failed`));

install();

const { packageChecks, runChecks, staticChecks } = await import('./checks.mjs');
const { runNode } = await import('./tools.mjs');
const { ensureChromium } = await import('./chromium.mjs');
const { engines, installEngine } = await import('./engines.mjs');
const { runTests } = await import('./vitest.mjs');

const checks = await runChecks([
  { name: 'Chromium is there', run: () => ensureChromium() !== '' },
  { name: 'package and demo build', run: () => runNode('scripts/build.mjs', ['--demo']) },
  ...staticChecks,
  ...packageChecks,
]);
const missing = engines.map(installEngine).filter((reason) => reason !== undefined);
const tests = runTests(process.argv.slice(2));
for (const reason of missing) console.log(`not run: ${reason}`);

passed = checks.passed + tests.passed;
failed = checks.failed + tests.failed;
process.exitCode = failed === 0 ? 0 : 1;
