/**
 * Emits the declarations of the published entries to dist/types.
 *
 * The sources import each other without file extensions, as bundlers allow. Consumers whose TypeScript resolves as
 * Node does (`NodeNext`) need them, so they are written into the emitted files.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { root } from './install.mjs';
import { runTool } from './tools.mjs';

const folder = join(root, 'dist/types');

/** A relative module name in `import`, `export … from` or `import('…')`. */
const relativeImport = /(\bfrom\s+|\bimport\s*\(?\s*)(['"])(\.{1,2}\/[^'"]+)\2/g;

/** Writes dist/types. @throws Error when the sources of src/ do not compile */
export function emitDeclarations() {
  const emit = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--rootDir', root, '--outDir', folder];
  if (!runTool('tsc', ['-p', join(root, 'src'), ...emit])) throw new Error('No declarations: src/ does not compile.');
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.d.ts')) addExtensions(join(folder, file));
  }
}

/** @param {string} file */
function addExtensions(file) {
  const text = readFileSync(file, 'utf8');
  const withExtensions = text.replace(relativeImport, (whole, before, quote, name) => {
    const target = resolve(dirname(file), name);
    if (existsSync(`${target}.d.ts`)) return `${before}${quote}${name}.js${quote}`;
    if (existsSync(join(target, 'index.d.ts'))) return `${before}${quote}${name}/index.js${quote}`;
    return whole;
  });
  if (withExtensions !== text) writeFileSync(file, withExtensions);
}
