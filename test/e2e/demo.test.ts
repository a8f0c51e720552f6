/** The demo as a person uses it, from the first phrase to a browser opened again the next day. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMachine, type Machine, speak } from './demo-page';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SPEC = { text: 'Your table is ready.', voice: 'slt', speed: 1 };

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

  test('clears the cache after being asked, and hears the phrase made anew', async () => {
    await page.click('#clear');
    await page.click('#clear-confirm');
    await expect.poll(() => page.evaluate(async () => (await repriseDemo.cache.entries()).entries.length)).toBe(0);
    expect(await speak(page)).toBe('origin');
  });

  test('can do all of it with the keyboard', async () => {
    await page.focus('#phrase');
    const takes = await page.locator('#takes > *').count();
    await page.keyboard.press('Enter');
    await page.waitForFunction((before) => document.querySelectorAll('#takes > *').length > before, takes);
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.localName || '');
    const reached = new Set([await focused()]);
    // More stops than the page has, whatever the entry table holds.
    for (let press = 0; press < 120; press++) {
      await page.keyboard.press('Tab');
      reached.add(await focused());
    }
    for (const id of ['phrase', 'voice', 'speed', 'speak', 'stop', 'delay', 'replay', 'clear', 'audio-cache-panel']) {
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
