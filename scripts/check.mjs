/** `npm run check`: the checks that need no build and no browser. */
import { install } from './install.mjs';

install();

const { runChecks, staticChecks } = await import('./checks.mjs');
const { failed } = await runChecks(staticChecks);
process.exitCode = failed === 0 ? 0 : 1;
