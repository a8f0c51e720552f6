/**
 * Several tabs, measured: part of `npm run bench:browser`, alone with `npm run bench:browser -- tabs`.
 *
 * Questions: what does a hit cost a tab whose clips another tab's worker holds, beside a bare question and answer of the
 * same bytes over BroadcastChannels between two tabs? Do ten idle tabs slow the owner down? What memory do nine followers
 * take? How long do the others wait when the owner goes away? (`REPRISE_HAND_OVERS` rounds of each way, 100 unless told.)
 */
import { measureHandOver } from './hand-over.mjs';
import { openChromium, openFirefox } from './tab-browsers.mjs';
import { serveTabs } from './tab-site.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;
const BYTE_LENGTH = 100 * KIB;
const ROUNDS = 15;
const CALLS_PER_ROUND = 60;
const IDLE_TABS = 10;
const FOLLOWERS = 9;
const OWNER_LIMIT_BYTES = 100 * MIB;
const HAND_OVERS = Number(process.env.REPRISE_HAND_OVERS ?? 100);
const HAND_OVER_LIMIT_MS = /** @type {const} */ ({ closed: 250, crashed: 250, reloaded: 250, navigated: 500 });
const PHRASE = 'A phrase that all tabs want.';

/**
 * @typedef {import('./tab-browsers.mjs').TabBrowser} TabBrowser
 * @typedef {import('./tab-site.mjs').TabSite} TabSite
 * @typedef {Record<string, string | number>} Row
 * @typedef {{ target: string, measured: number, bound: 'at most', limit: number, verdict: 'met' | 'MISSED' }} Target
 */

/**
 * Measures in one browser; undefined where there is none.
 * @param {string} name
 * @returns {Promise<{ version: string, targets: Target[], tabs: Row[], handOver: Row[] } | undefined>}
 */
export async function measureTabs(name) {
  const browser = name === 'firefox' ? await openFirefox() : await openChromium();
  if (browser === undefined) return undefined;
  const site = await serveTabs();
  // Only there the browser tells how much memory a page takes.
  const isolated = await serveTabs({ isIsolated: true });
  try {
    const followerHit = await measureFollowerHit(browser, site);
    const idle = await measureIdleTabs(browser, site);
    const memory = await measureMemory(browser, isolated);
    const handOver = await measureHandOvers(browser, site);
    const parts = [followerHit, idle, memory];
    return {
      version: browser.version,
      targets: [...parts, handOver].flatMap(({ targets }) => targets),
      tabs: parts.flatMap(({ rows }) => rows),
      handOver: handOver.rows,
    };
  } finally {
    await browser.close();
    await site.close();
    await isolated.close();
  }
}

/**
 * @param {TabBrowser} browser
 * @param {TabSite} site
 */
async function measureFollowerHit(browser, site) {
  const [owner, follower] = [await openTab(browser, site, 'hit'), await openTab(browser, site, 'hit')];
  await owner.ask('putBytes', PHRASE, BYTE_LENGTH);
  await owner.ask('answerEcho', 'echo', BYTE_LENGTH);
  /** @type {number[]} */
  const hits = [];
  /** @type {number[]} */
  const echoes = [];
  /** @type {number[]} */
  const ratios = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const hit = await follower.ask('timeHits', PHRASE, CALLS_PER_ROUND);
    const echo = await follower.ask('timeEcho', 'echo', CALLS_PER_ROUND);
    if (round === 0) continue; // Nothing is compiled yet.
    hits.push(...hit);
    echoes.push(...echo);
    ratios.push(percentile(hit, 0.5) / percentile(echo, 0.5));
  }
  await owner.close();
  await follower.close();
  const ratio = percentile(ratios, 0.5);
  return {
    rows: [
      row('100 KiB between two tabs', 'bare BroadcastChannel, question and answer', echoes, 1),
      row('100 KiB between two tabs', 'hit of a follower', hits, ratio),
    ],
    targets: [judge('hit of 100 KiB from a follower / bare BroadcastChannel', ratio, 1.5)],
  };
}

/**
 * @param {TabBrowser} browser
 * @param {TabSite} site
 */
async function measureIdleTabs(browser, site) {
  const owner = await openTab(browser, site, 'idle');
  await owner.ask('putBytes', PHRASE, BYTE_LENGTH);
  await owner.ask('timeHits', PHRASE, CALLS_PER_ROUND);
  /** @type {{ alone: number[], among: number[], ratios: number[] }} */
  const times = { alone: [], among: [], ratios: [] };
  // Tabs come and go in between, so that a machine that gets slower slows both.
  for (let round = 0; round < 5; round++) {
    const before = await owner.ask('timeHits', PHRASE, 4 * CALLS_PER_ROUND);
    const idle = [];
    for (let number = 0; number < IDLE_TABS; number++) idle.push(await openTab(browser, site, 'idle'));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const among = await owner.ask('timeHits', PHRASE, 4 * CALLS_PER_ROUND);
    for (const tab of idle) await tab.close();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const after = await owner.ask('timeHits', PHRASE, 4 * CALLS_PER_ROUND);
    times.alone.push(...before, ...after);
    times.among.push(...among);
    times.ratios.push(percentile(among, 0.5) / percentile([...before, ...after], 0.5));
  }
  await owner.close();
  const ratio = percentile(times.ratios, 0.5);
  return {
    rows: [
      row('100 KiB in the owner', 'alone', times.alone, 1),
      row('100 KiB in the owner', `with ${IDLE_TABS} idle tabs`, times.among, ratio),
    ],
    targets: [judge(`hit of the owner with ${IDLE_TABS} idle tabs / alone`, ratio, 1.05)],
  };
}

/**
 * @param {TabBrowser} browser
 * @param {TabSite} site
 */
async function measureMemory(browser, site) {
  const owner = await openTab(browser, site, 'memory');
  for (let number = 0; number < 500; number++) await owner.ask('putBytes', `Phrase ${number}`, BYTE_LENGTH);
  const plain = await browser.openTab(site.url);
  const plainBytes = await plain.ask('memoryBytes');
  await plain.close();
  let bytes = 0;
  for (let number = 0; number < FOLLOWERS; number++) {
    const tab = await openTab(browser, site, 'memory');
    for (let call = 0; call < 20; call++) await tab.ask('source', `Phrase ${number * 20 + call}`);
    bytes += ((await tab.ask('memoryBytes')) ?? 0) - (plainBytes ?? 0);
  }
  if (plainBytes === undefined) return { rows: [], targets: [] };
  const mib = bytes / MIB;
  return {
    rows: [
      { case: `${FOLLOWERS} followers`, subject: 'MiB beside pages without a client', p50Us: '', ratio: rounded(mib) },
    ],
    targets: [judge(`MiB of ${FOLLOWERS} followers together`, mib, (OWNER_LIMIT_BYTES * 0.1) / MIB)],
  };
}

/**
 * @param {TabBrowser} browser
 * @param {TabSite} site
 */
async function measureHandOvers(browser, site) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {Target[]} */
  const targets = [];
  for (const departure of /** @type {const} */ (['closed', 'crashed', 'reloaded', 'navigated'])) {
    const rounds = await measureHandOver(browser, site, departure, HAND_OVERS);
    if (rounds === undefined) {
      rows.push({ owner: departure, rounds: 'not run: its tabs of an origin share a process' });
      continue;
    }
    const times = rounds.map(({ milliseconds }) => milliseconds);
    const sum = (/** @type {'answered' | 'failed' | 'wrong' | 'extraSyntheses'} */ field) =>
      rounds.reduce((total, round) => total + round[field], 0);
    const p95 = percentile(times, 0.95);
    rows.push({
      owner: departure,
      rounds: rounds.length,
      p50Ms: percentile(times, 0.5),
      p95Ms: p95,
      slowestMs: Math.max(...times),
      answered: sum('answered'),
      failed: sum('failed'),
      wrong: sum('wrong'),
      synthesizedAgain: sum('extraSyntheses'),
    });
    targets.push(
      judge(`ms from an owner ${departure} to the next one's first answer, p95`, p95, HAND_OVER_LIMIT_MS[departure]),
    );
  }
  return { rows, targets };
}

/**
 * @param {TabBrowser} browser
 * @param {TabSite} site
 * @param {string} namespace
 */
async function openTab(browser, site, namespace) {
  const tab = await browser.openTab(site.url);
  await tab.ask('open', { namespace: `bench-${namespace}` });
  return tab;
}

/**
 * @param {string} name
 * @param {string} subject
 * @param {readonly number[]} milliseconds
 * @param {number} ratio
 * @returns {Row}
 */
function row(name, subject, milliseconds, ratio) {
  const us = (/** @type {number} */ share) => rounded(percentile(milliseconds, share) * 1000);
  return { case: name, subject, p50Us: us(0.5), p95Us: us(0.95), ratio: rounded(ratio), calls: milliseconds.length };
}

/**
 * @param {string} target
 * @param {number} measured
 * @param {number} limit
 * @returns {Target}
 */
function judge(target, measured, limit) {
  return {
    target,
    measured: rounded(measured),
    bound: 'at most',
    limit,
    verdict: measured <= limit ? 'met' : 'MISSED',
  };
}

/**
 * @param {readonly number[]} numbers
 * @param {number} share
 */
function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** @param {number} number */
function rounded(number) {
  return Number(number.toPrecision(3));
}
