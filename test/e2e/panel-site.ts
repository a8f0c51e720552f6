/** Opens the page of the panel (panel-page.ts) in a real Chromium, without any server: the browser asks for two files. */
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { chromiumArgs, ensureChromium } from '../../scripts/chromium.mjs';

const ADDRESS = 'https://panel.test/';
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'self'; require-trusted-types-for 'script'">
    <title>The panel</title>
  </head>
  <body><main><h1>The panel</h1><h2>Inside the cache</h2></main><script type="module" src="page.js"></script></body>
</html>`;

/** A browser in which the panel can be opened as often as wanted. */
export interface PanelSite {
  /** A new page with a panel and a fake cache; `prepare` is called in it before the panel is looked at. */
  open(viewport?: { readonly width: number; readonly height: number }): Promise<Page>;
  close(): Promise<void>;
}

/** Builds the page and starts the browser. */
export async function openPanelSite(): Promise<PanelSite> {
  const script = await bundle();
  const browser: Browser = await chromium.launch({ executablePath: ensureChromium(), args: chromiumArgs });
  return {
    open: async (viewport = { width: 1280, height: 2400 }) => {
      const context = await browser.newContext({ viewport, permissions: ['clipboard-read', 'clipboard-write'] });
      const page = await context.newPage();
      await page.route(`${ADDRESS}**`, (route) =>
        route.request().url().endsWith('.js')
          ? route.fulfill({ contentType: 'text/javascript', body: script })
          : route.fulfill({ contentType: 'text/html', body: PAGE }),
      );
      await page.goto(ADDRESS);
      await page.waitForFunction(() => 'panelPage' in globalThis);
      return page;
    },
    close: () => browser.close(),
  };
}

async function bundle(): Promise<string> {
  const result = await build({
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    build: {
      write: false,
      lib: { entry: fileURLToPath(new URL('panel-page.ts', import.meta.url)), formats: ['es'], fileName: 'page' },
    },
  });
  const [output] = [result].flat();
  const chunk = output && 'output' in output ? output.output[0] : undefined;
  if (chunk === undefined) throw new Error('The page of the panel was not built.');
  return chunk.code;
}
