/**
 * `npm start`: everything from a bare clone to the demo in a browser.
 *
 * The port is `--port N`, else `PORT`, else 4173; a taken one makes room for the next free one. The package and the
 * demo are built every time: it takes a second or two, and what is served is never out of date.
 */
import { fail, install } from './install.mjs';

install();

const { parseArgs } = await import('node:util');
const { buildLibrary } = await import('./library.mjs');
const { buildDemo, serveDemo } = await import('./demo.mjs');

try {
  const { values } = parseArgs({ options: { port: { type: 'string' } } });
  const port = Number(values.port ?? process.env.PORT ?? 4173);
  if (!Number.isInteger(port) || port < 1 || port > 65535) fail('A port is a number from 1 to 65535.');

  await buildLibrary();
  await buildDemo();
  const { url } = await serveDemo(port);
  console.log(`Reprise demo: ${url}`);
} catch (error) {
  fail(error);
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));
