/** Runs all of Vitest's projects and counts, so that nothing that went wrong can count as zero failures. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from './tools.mjs';

/** Far above what the tests take; a hanging browser must not hang whoever waits for the result. */
const TIMEOUT_MS = 40 * 60_000;

/**
 * Returns how many tests passed and failed. A file that could not be loaded, an error outside any test, and a run
 * that ended without a report each count as a failure.
 * @param {readonly string[]} args passed on to Vitest: names of files, `-t`, `--project`
 */
export function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'reprise-test-'));
  const reportFile = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
    const isSuccess = runTool('vitest', ['run', ...reporters, ...args], { timeoutMs: TIMEOUT_MS });
    const counts = countReport(reportFile);
    return { passed: counts.passed, failed: counts.failed === 0 && !isSuccess ? 1 : counts.failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} reportFile */
function countReport(reportFile) {
  try {
    const report = JSON.parse(readFileSync(reportFile, 'utf8'));
    return { passed: report.numPassedTests, failed: report.numFailedTests + countBrokenFiles(report.testResults) };
  } catch {
    console.error('Vitest ended without a report.');
    return { passed: 0, failed: 1 };
  }
}

/** @param {readonly { status: string, assertionResults: readonly { status: string }[] }[]} files */
function countBrokenFiles(files) {
  return files.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
}
