/** Prints what a benchmark of Node found and keeps it in bench/results. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { TargetRow } from '../targets';

/** Rows of a table. */
export type Rows = readonly Readonly<Record<string, string | number>>[];

/** Prints each table under its name, then the targets, and writes all of it to `bench/results/node-NAME.json`. */
export function publish(name: string, tables: Readonly<Record<string, Rows>>, targets: readonly TargetRow[]): void {
  for (const [title, rows] of Object.entries(tables)) {
    console.log(`\n${title}`);
    console.table(rows);
  }
  if (targets.length > 0) {
    console.log('\ntargets');
    console.table(targets);
  }
  const machine = {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    platform: `${process.platform} ${process.arch}`,
  };
  // Benchmarks are started in the repository's folder.
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(`bench/results/node-${name}.json`, `${JSON.stringify({ machine, targets, ...tables }, null, 2)}\n`);
}
