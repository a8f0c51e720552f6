/**
 * Five tabs that store, delete, read and speak at random while they are closed, crash, are reloaded and navigated away
 * and back, and a model of what must be there in the end.
 *
 * Each lane has phrases of its own, so that the order of their changes is known; an operation that died with its tab may
 * or may not have happened, and its phrase may then be either. Spoken phrases are shared by all: each costs one
 * synthesis, and another one for every tab that died at work: while it was synthesized, or in the moments between its end and
 * its writing.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from './campaign-ledger.mjs';

const LANES = 5;
const OWN_PHRASES = 8;
const SHARED_PHRASES = 60;
/** The shared phrases that are asked for move on, by one with so many operations of a lane: there is always something new. */
const OPERATIONS_PER_NEW_PHRASE = 4;
const SPEECH_MS = 80;
/** Of the operations, one in so many ends with its tab in trouble. */
const TROUBLE_EVERY = 14;
const MAX_BEFORE_TROUBLE_MS = 60;
const TROUBLES = /** @type {const} */ (['close', 'crash', 'reload', 'navigate']);

/**
 * What a campaign did. `failed`: operations that rejected though their tab was well.
 * @typedef {object} ChaosReport
 * @property {number} operations
 * @property {number} troubles
 * @property {number} syntheses
 * @property {number} extraSyntheses more than one of a phrase
 * @property {number} heardBefore of those, at least how many were made though somebody had heard the phrase: who asked may be gone
 * @property {number} failed
 * @property {number} wrong
 * @property {number} lost
 * @property {readonly string[]} problems a line for each that failed, was wrong or lost
 */

/**
 * Runs a campaign.
 * @param {object} options
 * @param {import('./tab-browsers.mjs').TabBrowser} options.browser
 * @param {import('./tab-site.mjs').TabSite} options.site
 * @param {number} options.seconds
 * @param {number} options.minOperations of each tab
 * @param {number} options.seed
 * @returns {Promise<ChaosReport>}
 */
export async function runTabChaos({ browser, site, seconds, minOperations, seed }) {
  const namespace = `chaos-${seed}`;
  const endsAtMs = Date.now() + seconds * 1000;
  site.syntheses.clear();
  site.speechMs = SPEECH_MS;
  /** @type {string[]} */
  const problems = [];
  const counts = { operations: 0, troubles: 0, heardBefore: 0, failed: 0, wrong: 0, lost: 0 };
  const note = (/** @type {'failed' | 'wrong' | 'lost'} */ kind, /** @type {string} */ what) => {
    counts[kind]++;
    problems.push(`${kind}: ${what}`);
  };
  const openTab = async () => {
    const tab = await browser.openTab(site.url);
    await tab.ask('open', { namespace });
    return tab;
  };

  /** @type {Map<string, Set<number | undefined>>} which takes of each phrase may be held */
  const possibleByText = new Map();
  /** @type {Set<string>} shared phrases that somebody has heard */
  const heard = new Set();

  await Promise.all(Array.from({ length: LANES }, (_, lane) => runLane(lane)));
  site.speechMs = 0;
  const reader = await openTab();
  for (const [text, possible] of possibleByText) {
    const take = await reader.ask('take', text);
    if (!possible.has(take)) note(take === -1 ? 'wrong' : 'lost', `${text} is take ${take}, not ${[...possible]}`);
  }
  for (const text of site.syntheses.keys()) {
    // A synthesis whose tab died at the very end may have been for nobody.
    if (!(await reader.ask('say', text)).isRight) note('wrong', text);
  }
  await reader.close();
  const syntheses = [...site.syntheses.values()].reduce((sum, count) => sum + count, 0);
  return { ...counts, syntheses, extraSyntheses: syntheses - site.syntheses.size, problems };

  /** @param {number} lane */
  async function runLane(lane) {
    const random = seededRandom(seed * LANES + lane);
    let lastTake = 0;
    let tab = await openTab();
    for (let operation = 0; operation < minOperations || Date.now() < endsAtMs; operation++) {
      counts.operations++;
      if (random() * TROUBLE_EVERY >= 1) {
        await operate(operation).catch((error) => note('failed', `lane ${lane}: ${error}`));
        continue;
      }
      counts.troubles++;
      // Whatever becomes of it.
      const dying = operate(operation).catch(() => {});
      await delay(random() * MAX_BEFORE_TROUBLE_MS);
      tab = await trouble(tab, TROUBLES[Math.floor(random() * TROUBLES.length)] ?? 'close');
      await dying;
    }
    await tab.close();

    /** @param {number} operation */
    async function operate(operation) {
      const dice = random();
      if (dice < 0.4) {
        const number = Math.floor(operation / OPERATIONS_PER_NEW_PHRASE + random() * SHARED_PHRASES);
        const text = `Shared phrase ${number} of seed ${seed}.`;
        const wasHeard = heard.has(text);
        const { isRight, source, joined } = await tab.ask('say', text);
        if (!isRight) note('wrong', text);
        if (wasHeard && source === 'origin' && !joined) counts.heardBefore++;
        heard.add(text);
        return;
      }
      const text = `Phrase ${Math.floor(random() * OWN_PHRASES)} of lane ${lane}, seed ${seed}.`;
      const possible = possibleByText.get(text) ?? new Set([undefined]);
      possibleByText.set(text, possible);
      if (dice < 0.6) {
        const take = await tab.ask('take', text);
        if (!possible.has(take)) note(take === -1 ? 'wrong' : 'lost', `${text} is take ${take}, not ${[...possible]}`);
        return;
      }
      const next = dice < 0.9 ? ++lastTake : undefined;
      // Until it is acknowledged it may be either.
      possible.add(next);
      if (next === undefined) await tab.ask('delete', text);
      else await tab.ask('put', text, next);
      possible.clear();
      possible.add(next);
    }
  }

  /**
   * @param {import('./tab-browsers.mjs').DrivenTab} tab
   * @param {typeof TROUBLES[number]} kind
   */
  async function trouble(tab, kind) {
    if (kind === 'reload') {
      await tab.reload();
      await tab.ask('open', { namespace });
      return tab;
    }
    if (kind === 'navigate') {
      await tab.goto(site.elsewhere);
      if (!browser.goesBack) {
        await tab.goto(site.url);
        await tab.ask('open', { namespace });
        return tab;
      }
      await tab.back();
      // Restored as it was or loaded anew, as the browser likes.
      const isRestored = await restored(tab);
      if (!isRestored) await tab.ask('open', { namespace });
      return tab;
    }
    if (kind === 'crash' && tab.crash !== undefined) {
      await tab.crash();
      await tab.close().catch(() => {});
    } else {
      await tab.close();
    }
    return openTab();
  }
}

/**
 * Whether the page is back from the back/forward cache; false when it was loaded anew.
 * @param {import('./tab-browsers.mjs').DrivenTab} tab
 */
async function restored(tab) {
  for (let look = 0; look < 250; look++) {
    await delay(20);
    const answer = await tab.ask('cameBack').catch(() => 'away');
    if (answer !== 'away') return answer === 'restored';
  }
  throw new Error('The page did not come back');
}
