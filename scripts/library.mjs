/**
 * Builds the published package into dist/: page entries and worker as `vite.config.ts` says, and declarations.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { emitDeclarations } from './declarations.mjs';
import { root } from './install.mjs';

/** Builds everything anew; rejects with the first mistake found. */
export async function buildLibrary() {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  for (const mode of ['page', 'worker']) await build({ root, mode, logLevel: 'warn' });
  emitDeclarations();
}
