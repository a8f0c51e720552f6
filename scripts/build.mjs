/** `npm run build`: the package in dist/; with `--demo`, the demo in demo/dist/ on top of it. */
import { fail, install } from './install.mjs';

install();

const { buildLibrary } = await import('./library.mjs');
const { buildDemo } = await import('./demo.mjs');

try {
  await buildLibrary();
  if (process.argv.includes('--demo')) await buildDemo();
} catch (error) {
  fail(error);
}
