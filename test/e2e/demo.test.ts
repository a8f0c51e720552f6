/** The demo as a person uses it, from the first phrase to a browser opened again the next day. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMachine, type Machine, speak, untilTaken } from './demo-page';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SPEC = { text: 'Your table is ready.', voice: 'slt', speed: 1 };

/** Synthesizing for real takes as long as it takes. */
const PATIENCE = { timeout: 30_000 };

let machine: Machine;
beforeAll(async () => {
  machine = await createMachine();
});
afterAll(() => machine.dispose());

/** SHA-256 of the audio that the demo's cache holds for the phrase in its field, and its size. */
function audioOf(page: Page): Promise<{ readonly digest: string; readonly byteLength: number }> {
  return page.evaluate(async () => {
    const [entry] = (await repriseDemo.cache.entries({ limit: 1 })).entries;
    const clip = entry && (await repriseDemo.cache.get({ key: entry.key }));
    if (clip === undefined) throw new Error('The cache holds nothing');
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await clip.bytes()));
    return { digest: Array.from(digest, (byte) => byte.toString(16)).join(), byteLength: clip.byteLength };
  });
}

/** How many entries the cache of the phrases holds on disk. */
function heldBy(page: Page): Promise<number> {
  return page.evaluate(async () => (await repriseDemo.cache.stats()).tiers.disk.entries);
}

/** What the panel says is held; it looks only while somebody can see it. */
async function shownAsHeld(page: Page): Promise<string> {
  const held = page.locator('audio-cache-panel .held');
  await held.scrollIntoViewIfNeeded();
  return held.innerText();
}

describe.sequential('a person who speaks a phrase', () => {
  let page: Page;
  let first: Awaited<ReturnType<typeof audioOf>>;

  test('hears real speech made on the spot the first time, and from memory the second', async () => {
    page = await machine.openBrowser();
    await page.fill('#phrase', SPEC.text);
    await page.selectOption('#voice', SPEC.voice);
    await page.fill('#delay', '0');
    expect(await speak(page)).toBe('origin');
    first = await audioOf(page);
    // More than half a second of speech at 16 kHz and 16 bit.
    expect(first.byteLength).toBeGreaterThan(16_000);
    expect(await speak(page)).toBe('memory');
  });

  test('gets it from disk after a reload, byte for byte the same', async () => {
    await page.reload();
    expect(await page.inputValue('#phrase')).toBe(SPEC.text);
    expect(await speak(page)).toBe('disk');
    expect(await audioOf(page)).toEqual(first);
  });

  test('gets it from disk after closing and reopening the browser, byte for byte the same', async () => {
    page = await machine.openBrowser();
    expect(await speak(page)).toBe('disk');
    expect(await audioOf(page)).toEqual(first);
    await expect.poll(() => speak(page)).toBe('memory');
  });

  test('sees in the panel where the clips came from, the hit rate and the bytes held', async () => {
    const shown = () => page.locator('audio-cache-panel').evaluate((panel) => panel.shadowRoot?.textContent ?? '');
    await expect.poll(shown).toContain(SPEC.text);
    await expect.poll(shown).toMatch(/100\s?%/);
    const text = await shown();
    expect(text).toMatch(/memory/i);
    expect(text).toMatch(/opfs/i);
  });

  test('is told in plain words what is wrong with a phrase', async () => {
    await page.fill('#phrase', '   ');
    await page.click('#speak');
    await expect.poll(() => page.innerText('#result')).not.toContain('memory');
    expect(await page.getAttribute('#result', 'data-source')).toBeFalsy();
    await page.fill('#phrase', SPEC.text);
    expect(await speak(page)).toBe('memory');
  });

  test('replays the phrase book with real speech, and the second pass is all hits', async () => {
    const replay = async () => {
      await page.click('#replay');
      await page.waitForFunction(
        () => document.querySelector('#replay')?.getAttribute('aria-disabled') !== 'true',
        undefined,
        { timeout: 60_000 },
      );
      const count = async (source: string) => Number.parseInt(await page.innerText(`#replay-${source}`), 10);
      return { memory: await count('memory'), disk: await count('disk'), origin: await count('origin') };
    };
    const firstPass = await replay();
    expect(firstPass.origin).toBeGreaterThanOrEqual(200);
    const secondPass = await replay();
    expect(secondPass).toEqual({ memory: firstPass.memory + firstPass.origin, disk: 0, origin: 0 });
  });

  test('downloads the book, and hears it offline, where a new phrase fails with a clear word', async () => {
    await page.click('#book-download');
    await expect
      .poll(() => page.innerText('#book-result'), PATIENCE)
      .toBe('Complete and pinned: it can be heard offline.');
    const book = await page.evaluate(() => repriseDemo.cache.collection('Fifty sentences'));
    expect(book).toMatchObject({ entries: 50, missing: 0, complete: true, pinned: true });
    await page.click('#offline');
    expect(await page.getAttribute('#offline', 'aria-pressed')).toBe('true');
    await page.fill('#phrase', 'Nobody has ever said this.');
    await page.click('#speak');
    await expect.poll(() => page.innerText('#result')).toMatch(/offline.*nothing new can be made/);
    await page.click('#book-listen');
    await expect.poll(() => page.innerText('#book-result')).toMatch(/text to speech dataset/);
    await page.click('#book-stop');
    await expect.poll(() => page.innerText('#book-result')).toContain('Complete');
    await page.fill('#phrase', SPEC.text);
    expect(await speak(page)).toBe('memory');
    await page.click('#offline');
  });

  test('sees the book in the panel, and takes it away again', async () => {
    const collections = page.locator('audio-cache-panel .collections');
    await collections.scrollIntoViewIfNeeded();
    await expect.poll(() => collections.innerText(), PATIENCE).toMatch(/Fifty sentences\s+complete · pinned\s+50/);
    await page.click('#book-remove');
    await expect.poll(() => page.innerText('#book-result')).toBe('Not downloaded yet.');
    await expect.poll(() => collections.innerText(), PATIENCE).not.toContain('Fifty sentences');
  });

  test('fills a small cache to its limit, lets all of it expire, and hears a phrase that nothing has room for', async () => {
    const result = () => page.innerText('#trouble-result');
    const before = await heldBy(page);
    await page.click('#fill');
    await expect.poll(result, PATIENCE).toMatch(/^Put \d+ clips; then the \d+ used longest ago were evicted/);
    expect(await page.isChecked('#shown-small')).toBe(true);
    // What is shown is what is cleared.
    await page.click('#clear');
    expect(await page.innerText('#clear-dialog')).toContain('Your phrases stay.');
    await page.click('#clear-confirm');
    await expect.poll(result, PATIENCE).toBe('The small cache is empty, but for what is pinned.');
    await expect.poll(() => shownAsHeld(page), PATIENCE).not.toMatch(/[1-9]\d* clips?/);
    await page.click('#fill');
    await expect.poll(result, PATIENCE).toMatch(/^Put \d+ clips; then/);
    await page.click('#expire');
    await expect.poll(result, PATIENCE).toMatch(/found \d+ expired on disk and removed them/);
    await page.click('#quota');
    await expect.poll(result, PATIENCE).toMatch(/refused \(QUOTA_EXCEEDED\).* The phrase played anyway\.$/);
    await page.click('#empty');
    await expect.poll(result, PATIENCE).toBe('The small cache is empty.');
    await page.check('#shown-own');
    // The phrases in their own cache were not touched.
    expect(await heldBy(page)).toBe(before);
  });

  test('sees the same numbers in a second tab', async () => {
    const second = await page.context().newPage();
    await second.goto(machine.url);
    await second.bringToFront();
    await expect.poll(() => shownAsHeld(second), PATIENCE).toMatch(/disk\s+[\s\S]*[1-9]\d* clips?/);
    await page.bringToFront();
    await expect.poll(async () => (await shownAsHeld(page)) === (await shownAsHeld(second)), PATIENCE).toBe(true);
    await second.close();
  });

  test('clears the cache after being asked, and hears the phrase made anew', async () => {
    await page.click('#clear');
    await page.click('#clear-confirm');
    await expect.poll(() => page.evaluate(async () => (await repriseDemo.cache.entries()).entries.length)).toBe(0);
    expect(await speak(page)).toBe('origin');
  });

  test('can do all of it with the keyboard', async () => {
    await page.focus('#phrase');
    await untilTaken(page, () => page.keyboard.press('Enter'));
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.localName || '');
    const reached = new Set([await focused()]);
    // More stops than the page has, whatever the entry table holds.
    for (let press = 0; press < 120; press++) {
      await page.keyboard.press('Tab');
      reached.add(await focused());
    }
    for (const id of [
      'phrase',
      'voice',
      'speed',
      'speak',
      'stop',
      'delay',
      'replay',
      'book-download',
      'offline',
      'fill',
      'quota',
      'clear',
      'audio-cache-panel',
    ]) {
      expect(reached).toContain(id);
    }
  });

  test.each([
    ['light', 390],
    ['dark', 390],
    ['light', 1440],
    ['dark', 1440],
  ] as const)('meets no accessibility violation in %s at %i px', async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await page.evaluate(axeSource);
    const violations = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } };
      return (await axe.run()).violations.map(({ id }) => id);
    });
    expect(violations).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });
});

test('a browser killed in the middle of speaking loses nothing it had stored', async () => {
  const page = await machine.openBrowser();
  await page.fill('#phrase', 'Kill me if you can.');
  await speak(page);
  await page.evaluate(() => repriseDemo.cache.flush());
  const browserProcess = await page.context().newCDPSession(page);
  await browserProcess.send('Browser.crash').catch(() => {});
  const reopened = await machine.openBrowser();
  await reopened.fill('#phrase', 'Kill me if you can.');
  expect(await speak(reopened)).toBe('disk');
});
