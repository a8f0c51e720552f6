/** The panel as a person uses it, over a cache that notes what it is asked (test/panel-source-fixture.ts). */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPanelSite, type PanelSite } from './panel-site';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let site: PanelSite;
let page: Page;
beforeAll(async () => {
  site = await openPanelSite();
});
afterAll(() => site?.close());
beforeEach(async () => {
  page = await site.open();
});
afterEach(() => page.context().close());

const card = (name: string) => page.locator(`audio-cache-panel .${name}`);
const button = (name: string | RegExp) => page.locator('audio-cache-panel').getByRole('button', { name });
const asked = () => page.evaluate(() => [...panelPage.cache.asked]);
const phrases = () => card('entries').locator('tbody tr:first-child td:first-child span').allInnerTexts();
/** What has the focus inside the panel, by its name. */
const focused = () =>
  page.evaluate(() => {
    const element = panelPage.panel.shadowRoot?.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
  });

describe('figures', () => {
  test('rates are shown large, by window and by tier, with why the others missed', async () => {
    await page.evaluate(() => panelPage.cache.change(panelPage.withCounts(panelPage.cache.getSnapshot(), 4000)));
    const text = () => card('hit-rate').innerText();
    await expect.poll(text).toMatch(/1 min\s*95 %/);
    expect(await text()).toMatch(/disk\s+95 %\s+94 %\s+91 %\s+90 %/);
    expect(await text()).toMatch(/availability\s+95 %/);
    expect(await text()).toContain('Missed because: new 198 · evicted 2');
    expect(await card('sources').innerText()).toMatch(/memory\s+3,000\s+75 %\s+200 µs/);
    expect(await card('sources').locator('.spread path[d]').count()).toBe(3);
  });

  test('the gauge of a tier tells its limit, its mark and what is pinned, and the estimate is called one', async () => {
    const gauge = page.locator('audio-cache-panel').getByRole('meter', { name: /disk/ });
    expect(await gauge.getAttribute('aria-valuetext')).toMatch(/24 MB of 50 MB · 240 clips, 6 MB pinned/);
    const text = await card('held').innerText();
    expect(text).toMatch(/cleans up at 90 %, down to 80 %/);
    expect(text).toMatch(/limit lowered from 1 GB/);
    expect(text).toMatch(/estimate this site takes 26 MB of 60 GB/);
    await button(/keep it/).click();
    await expect.poll(() => card('held').innerText()).toContain('has promised');
    expect(await button(/keep it/).count()).toBe(0);
  });

  test('a price that is typed reaches the cache, and is not overwritten while it is typed', async () => {
    const price = card('saved').getByLabel('per 1,000 characters');
    await page.evaluate(() => panelPage.cache.configure({ price: { perThousandCharacters: 9, currency: 'USD' } }));
    await expect.poll(() => price.inputValue()).toBe('9');
    await price.fill('0.0');
    await page.evaluate(async () => {
      panelPage.cache.change({});
      // A round of all cards takes as many frames as there are cards, and begins within a tenth of a second.
      for (let frame = 0; frame < 20; frame++) await new Promise(requestAnimationFrame);
    });
    expect(await price.inputValue()).toBe('0.0');
    await price.pressSequentially('15');
    await price.press('Enter');
    await card('saved').getByLabel('currency').fill('eur');
    await card('saved').getByLabel('currency').press('Tab');
    await expect.poll(asked).toEqual(['price 9 USD', 'price 0.015 USD', 'price 0.015 EUR']);
    await expect.poll(() => card('saved').getByLabel('currency').inputValue()).toBe('EUR');
  });

  test('money is told at the price that is set, and as it was counted where that is something else', async () => {
    const showAt = (savedCost: number, spentCost: number) =>
      page.evaluate(
        ([saved, spent]) => {
          const { cache } = panelPage;
          const { performance, config } = cache.getSnapshot();
          const amounts = { requests: 10, characters: 2000, synthesisMs: 0 };
          cache.change({
            performance: {
              ...performance,
              saved: { ...amounts, cost: saved },
              spent: { ...amounts, characters: 1000, cost: spent },
            },
            config: { ...config, price: { perThousandCharacters: 15, currency: 'EUR' } },
          });
        },
        [savedCost, spentCost] as const,
      );
    const text = () => card('saved').innerText();
    await showAt(0, 0.5);
    await expect.poll(text).toMatch(/money\s+€30\.00\s+€15\.00/);
    expect(await text()).toContain('at the prices of the time: €0.00 saved, €0.50 spent');
    await showAt(30, 15);
    await expect.poll(text).not.toContain('at the prices of the time');
  });

  test('a budget is shown with how far it is used up', async () => {
    await page.evaluate(() => {
      const { cache } = panelPage;
      const { performance, config } = cache.getSnapshot();
      const budget = { limit: 5, spent: 5.2, periodStartedAtMs: 0, periodEndsAtMs: Date.now() + 1e9, isExceeded: true };
      cache.change({
        performance: { ...performance, budget },
        config: {
          ...config,
          price: { perThousandCharacters: 1, currency: 'EUR' },
          budget: { limit: 5, periodMs: 1e9, whenExceeded: 'refuse' },
        },
      });
    });
    await expect.poll(() => card('saved').innerText()).toMatch(/€5.20 of €5.00 until .* nothing more is synthesized/);
  });

  test('an alert is announced once, with severity and since when, and goes when it is over', async () => {
    await page.evaluate(() => {
      const message = 'The disk is full. Free some space.';
      panelPage.cache.setAlerts('failing', [{ code: 'WRITES_FAILING', severity: 'critical', message, sinceMs: 0 }]);
    });
    const live = card('health').locator('[aria-live]');
    await expect.poll(() => live.innerText()).toMatch(/critical: The disk is full.*\s*WRITES_FAILING · since/);
    const changes = await page.evaluate(async () => {
      const region = panelPage.panel.shadowRoot?.querySelector('.health [aria-live]');
      let count = 0;
      const observer = new MutationObserver((records) => {
        count += records.length;
      });
      if (region) observer.observe(region, { subtree: true, childList: true, characterData: true });
      for (let round = 0; round < 30; round++) {
        panelPage.cache.change({});
        await new Promise(requestAnimationFrame);
      }
      observer.disconnect();
      return count;
    });
    expect(changes).toBe(0);
    await page.evaluate(() => panelPage.cache.setAlerts('ok', []));
    await expect.poll(() => live.innerText()).toMatch(/^✓ works\s*$/);
  });
});

describe('entries', () => {
  test('are listed over short pages, and more of them on demand', async () => {
    await expect.poll(async () => (await phrases()).length).toBe(25);
    await button('Show more').click();
    await expect.poll(async () => (await phrases()).length).toBe(50);
    await button('Show more').click();
    await expect.poll(async () => (await phrases()).length).toBe(60);
    expect(await button('Show more').count()).toBe(0);
  });

  test('can be searched and ordered, by what was typed last', async () => {
    const search = card('entries').getByLabel('search');
    await search.pressSequentially('number 5', { delay: 10 });
    await expect.poll(phrases).toEqual(['5', ...Array.from({ length: 10 }, (_, index) => `5${index}`)].map(phraseOf));
    await card('entries').getByLabel('order').selectOption('size');
    await expect.poll(async () => (await phrases())[0]).toBe(phraseOf('59'));
    await search.fill('nothing like it');
    await expect.poll(() => card('entries').innerText()).toContain('Nothing held fits.');
  });

  test('tell all that is known about them, and can be pinned and made anew', async () => {
    await button(`Details: ${phraseOf('2')}`).click();
    const details = card('entries').locator('.details');
    await expect
      .poll(() => details.innerText())
      .toMatch(/flite[\s\S]*audio\/wav[\s\S]*2 hits[\s\S]*synthesis, 420 ms[\s\S]*book-42/);
    await details.getByRole('button', { name: 'Pin' }).click();
    await expect.poll(() => details.innerText()).toContain('pinned: never');
    expect(await focused()).toBe('Unpin');
    await details.getByRole('button', { name: 'Unpin' }).click();
    await details.getByRole('button', { name: 'Regenerate' }).click();
    await expect.poll(async () => (await asked()).at(-1)).toBe(`regenerate ${phraseOf('2')}`);
    await button(`Details: ${phraseOf('2')}`).click();
    expect(await details.count()).toBe(0);
  });

  test('say why something could not be done', async () => {
    await button(`Details: ${phraseOf('2')}`).click();
    await page.evaluate(() => {
      panelPage.cache.regenerate = async () => {
        throw new Error('The text-to-speech service answered with status 503.');
      };
    });
    await button('Regenerate').click();
    await expect.poll(() => card('entries').getByRole('status').innerText()).toContain('status 503');
  });

  test('leave the focus on the next one when one is deleted, and keep it when the order changes', async () => {
    await button(`Delete: ${phraseOf('1')}`).focus();
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await phrases()).includes(phraseOf('1'))).toBe(false);
    expect(await focused()).toBe(`Delete: ${phraseOf('2')}`);
    await page.evaluate(() => {
      const { entriesHeld } = panelPage.cache;
      panelPage.cache.entriesHeld = [...entriesHeld.slice(0, 20).reverse(), ...entriesHeld.slice(20)];
      panelPage.cache.emit({ type: 'cleared' });
    });
    await expect.poll(async () => (await phrases())[0]).toBe(phraseOf('20'));
    expect(await focused()).toBe(`Delete: ${phraseOf('2')}`);
  });
});

describe('collections', () => {
  const name = 'book-42/ch-3';

  test('tell whether they are complete, and show their entries when chosen', async () => {
    expect(await card('collections').innerText()).toMatch(/book-42\/ch-3\s+partial: 2 missing\s+3\s+117 KB/);
    await button(name).first().click();
    await expect.poll(phrases).toEqual(['0', '1', '2'].map(phraseOf));
    expect(await button(name).first().getAttribute('aria-pressed')).toBe('true');
    await button(/show all/).click();
    await expect.poll(async () => (await phrases()).length).toBe(25);
  });

  test('are pinned, exported and joined to one file', async () => {
    await button(`Pin: ${name}`).click();
    await expect.poll(() => button(`Unpin: ${name}`).count()).toBe(1);
    const [bundle] = await Promise.all([page.waitForEvent('download'), button(`Export: ${name}`).click()]);
    expect(bundle.suggestedFilename()).toBe('shown-book-42-ch-3.zip');
    const [audio] = await Promise.all([page.waitForEvent('download'), button(`Audio: ${name}`).click()]);
    expect(audio.suggestedFilename()).toBe('book-42-ch-3.wav');
  });

  test('are deleted only when the person says so twice', async () => {
    await button(`Delete: ${name}`).click();
    await expect.poll(() => button(`Sure? Delete: ${name}`).count()).toBe(1);
    await page.keyboard.press('Tab');
    expect(await asked()).toEqual([]);
    await button(`Delete: ${name}`).click();
    await button(`Sure? Delete: ${name}`).click();
    await expect.poll(asked).toEqual([`delete collection ${name}`]);
    await expect.poll(() => card('collections').innerText()).toContain('Deleted “book-42/ch-3” with 3 clips, 117 KB.');
  });

  test('are never taken for markup, whatever they are called', async () => {
    expect(await card('collections').locator('img').count()).toBe(0);
    expect(await card('collections').innerText()).toContain('<img src=x onerror="alert(1)"> ../../etc');
  });
});

describe('upkeep', () => {
  const status = () => card('upkeep').getByRole('status').innerText();

  test('cleans up and says what went', async () => {
    await button('Clean up now').click();
    await expect.poll(status).toBe('Removed 7 expired from disk (7 MB).');
  });

  test('verifies everything and says what was damaged', async () => {
    await button('Verify all').click();
    await expect.poll(status).toBe('79 of 80 clips are what was stored. 1 clip damaged, and gone.');
    expect(await card('upkeep').locator('progress').isVisible()).toBe(false);
  });

  test('imports a bundle, and says why it refuses another', async () => {
    const file = { name: 'bundle.zip', mimeType: 'application/zip', buffer: Buffer.from('whole') };
    await card('upkeep').locator('input[type=file]').setInputFiles(file);
    await expect.poll(status).toBe('Imported 12, 3 were here already, 0 did not fit.');
    await page.evaluate(() => {
      panelPage.cache.failure = Object.assign(new Error('This bundle is truncated.'), {
        code: 'BUNDLE_INVALID',
      }) as never;
    });
    await card('upkeep').locator('input[type=file]').setInputFiles(file);
    await expect.poll(status).toBe('This bundle is truncated.');
  });

  test('starts and stops the schedule', async () => {
    await card('upkeep').getByLabel('Clean up every 5 min').uncheck();
    await expect.poll(asked).toEqual(['stop cleanup']);
  });
});

describe('events', () => {
  const lines = () => card('log').locator('li').allInnerTexts();
  const emit = (from: number, to: number) =>
    page.evaluate(
      ([first, last]) => {
        for (let number = first; number < last; number++) panelPage.cache.emit(panelPage.servedEvent(number));
      },
      [from, to] as const,
    );

  test('are shown in the last sixty rows, newest first', async () => {
    await emit(0, 150);
    await expect.poll(async () => (await lines())[0]).toContain(phraseOf('149'));
    await emit(150, 160);
    await expect.poll(async () => (await lines())[0]).toContain(phraseOf('159'));
    const shown = await lines();
    expect(shown).toHaveLength(60);
    expect(shown[10]).toContain(phraseOf('149'));
    expect(shown.at(-1)).toContain(phraseOf('100'));
  });

  test('stand still while paused, and go on with what came meanwhile', async () => {
    await emit(0, 5);
    await expect.poll(async () => (await lines()).length).toBe(5);
    await button('Pause').click();
    await emit(5, 12);
    await expect.poll(() => card('log').innerText()).toContain('7 new');
    expect((await lines()).length).toBe(5);
    await button('Pause').click();
    await expect.poll(async () => (await lines()).length).toBe(12);
  });

  test('can be filtered, and copied as they are filtered', async () => {
    await emit(0, 40);
    await expect.poll(async () => (await lines()).length).toBe(40);
    await card('log').getByLabel('filter').fill('origin');
    await expect.poll(async () => (await lines()).length).toBe(2);
    await button('Copy').click();
    await expect.poll(() => card('log').getByRole('status').innerText()).toBe('Copied 2 lines.');
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied.split('\n')[0]).toMatch(/^\d\d:\d\d:\d\d\torigin\tPhrase number 20, please. \(evicted\)\t/);
  });
});

test('a source without the optional methods gets a panel without their controls', async () => {
  const names = await page.evaluate(() => {
    const { cache, panel } = panelPage;
    const bare = {
      getSnapshot: () => cache.getSnapshot(),
      stats: () => cache.stats(),
      subscribe: (listener: () => void) => cache.subscribe(listener),
      on: cache.on.bind(cache),
      entries: cache.entries.bind(cache),
      get: cache.get.bind(cache),
      delete: cache.delete.bind(cache),
    };
    panel.cache = bare;
    const controls = [...(panel.shadowRoot?.querySelectorAll<HTMLElement>('button, input') ?? [])];
    return controls.filter((control) => control.checkVisibility()).map((control) => control.textContent);
  });
  expect(names.filter((name) => name && !/^[▶⋯✕]/.test(name))).toEqual(['Pause', 'Copy']);
  await expect.poll(async () => (await phrases()).length).toBe(25);
  await button(`Details: ${phraseOf('2')}`).click();
  expect(await button('Regenerate').count()).toBe(0);
});

test.each([
  ['light', 390],
  ['dark', 390],
  ['light', 1440],
  ['dark', 1440],
] as const)('meets no accessibility violation in %s at %i px, with everything shown', async (colorScheme, width) => {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height: 900 });
  await page.evaluate(() => {
    const { cache } = panelPage;
    for (let number = 0; number < 20; number++) cache.emit(panelPage.servedEvent(number));
    cache.change(panelPage.withCounts(cache.getSnapshot(), 4000));
    const message = 'What is wrong, and what to do.';
    cache.setAlerts('failing', [
      { code: 'WRITES_FAILING', severity: 'critical', message, sinceMs: 0 },
      { code: 'HIT_RATE_LOW', severity: 'warning', message, sinceMs: 0 },
    ]);
  });
  await card('log').scrollIntoViewIfNeeded();
  await expect.poll(() => card('log').locator('li').count()).toBe(20);
  await button('book-42/ch-3').first().click();
  await button(`Details: ${phraseOf('2')}`).click();
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string }[] }> };
    };
    return (await axe.run()).violations.map(({ id }) => id);
  });
  expect(violations).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
});

/** What the fixture's phrases are. */
function phraseOf(number: string): string {
  return `Phrase number ${number}, please.`;
}
