/**
 * How long other tabs wait when the owner goes away, in rounds: two followers ask without a pause, the owner is closed,
 * crashes, is reloaded or navigated away, and the first answer that a follower gets from the next owner ends the round.
 * It begins with the owner's `pagehide` or, for one that crashes, with the command.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Before the owner goes: the next owner has prepared, and the requests are in full flow. */
const FLOW_MS = 1_300;
/** A follower that has no answer by then never gets one. */
const MAX_WAIT_MS = 10_000;
// Looking takes time itself; what is looked for was noted in the page.
const LOOK_MS = 400;
const PHRASES = Array.from({ length: 8 }, (_, index) => `Phrase ${index} of the hand-over.`);

/**
 * @typedef {'closed' | 'crashed' | 'reloaded' | 'navigated'} Departure
 */

/**
 * What one round showed. `milliseconds`: from the moment the owner is gone to the first answer of the next one.
 * @typedef {{ readonly milliseconds: number, readonly answered: number, readonly failed: number, readonly wrong: number, readonly extraSyntheses: number }} Round
 */

/**
 * Runs rounds of one kind; undefined where a tab cannot go that way alone.
 * @param {import('./tab-browsers.mjs').TabBrowser} browser
 * @param {import('./tab-site.mjs').TabSite} site
 * @param {Departure} departure
 * @param {number} rounds
 * @returns {Promise<readonly Round[] | undefined>}
 */
export async function measureHandOver(browser, site, departure, rounds) {
  const namespace = `hand-over-${departure}`;
  const open = async () => {
    const tab = await browser.openTab(site.url);
    await tab.ask('open', { namespace });
    return tab;
  };
  let tabs = [await open(), await open(), await open()];
  if (departure === 'crashed' && tabs[0]?.crash === undefined) {
    for (const tab of tabs) await tab.close();
    return undefined;
  }
  /** @type {Round[]} */
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const roles = await Promise.all(tabs.map(async (tab) => (await tab.ask('snapshot')).runtime.role));
    const owner = tabs[roles.indexOf('owner')];
    if (owner === undefined) throw new Error(`There is no owner among ${roles}`);
    const followers = tabs.filter((tab) => tab !== owner);
    for (const follower of followers) {
      await follower.ask('events');
      await follower.ask('startPump', PHRASES);
    }
    await delay(FLOW_MS);
    site.syntheses.clear();
    const toldAtMs = Date.now();
    const departing = depart(owner, departure, site);
    const answeredAtMs = await firstAnswer(followers, toldAtMs);
    await departing;
    // A page that loads the next one first is still there until then.
    const goneAtMs = await followers[0]?.ask('goneAtMs');
    const departedAtMs = Math.max(toldAtMs, departure === 'crashed' ? 0 : Number(goneAtMs));
    const pumped = await Promise.all(followers.map((tab) => tab.ask('stopPump')));
    results.push({
      milliseconds: answeredAtMs - departedAtMs,
      answered: sum(pumped.map((each) => each.answeredAtMs.length)),
      failed: sum(pumped.map((each) => each.failed)),
      wrong: sum(pumped.map((each) => each.wrong)),
      extraSyntheses: sum([...site.syntheses.values()]),
    });
    tabs = [...followers, await replace(owner, departure, open, namespace)];
  }
  for (const tab of tabs) await tab.close();
  return results;
}

/**
 * @param {import('./tab-browsers.mjs').DrivenTab} owner
 * @param {Departure} departure
 * @param {import('./tab-site.mjs').TabSite} site
 */
async function depart(owner, departure, site) {
  switch (departure) {
    case 'closed':
      return owner.close();
    case 'crashed':
      return owner.crash?.();
    case 'reloaded':
      return owner.reload();
    case 'navigated':
      return owner.goto(site.elsewhere);
  }
}

/**
 * A tab in the place of the one that went.
 * @param {import('./tab-browsers.mjs').DrivenTab} tab
 * @param {Departure} departure
 * @param {() => Promise<import('./tab-browsers.mjs').DrivenTab>} open
 * @param {string} namespace
 */
async function replace(tab, departure, open, namespace) {
  if (departure === 'reloaded') {
    await tab.ask('open', { namespace });
    return tab;
  }
  if (departure !== 'closed') await tab.close().catch(() => {});
  return open();
}

/**
 * When the first follower had an answer of the next owner.
 * @param {readonly import('./tab-browsers.mjs').DrivenTab[]} followers
 * @param {number} departedAtMs
 */
async function firstAnswer(followers, departedAtMs) {
  while (Date.now() - departedAtMs < MAX_WAIT_MS) {
    await delay(LOOK_MS);
    for (const follower of followers) {
      const answeredAtMs = await follower.ask('firstAnswerOfNextOwner', departedAtMs);
      if (answeredAtMs !== undefined) return answeredAtMs;
    }
  }
  throw new Error('No follower was answered again');
}

/** @param {readonly number[]} numbers */
function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
