// Every page, light and dark, wide and narrow: it complains about nothing, fits its screen, is accessible, and is photographed to be looked at.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { open_browser } from './browser';
import { open_mock, real_url, type Mock } from './server';
import { addresses, open_page, settle } from './watch';

const PICTURES = process.env.PICTURES ?? join(import.meta.dirname, '../../pictures');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const NAMES = {
  view: process.env.VIEW ?? 'revenue_5m',
  topic: process.env.TOPIC ?? 'order_lines',
  query: process.env.QUERY ?? 'revenue_5m',
};

let browser: Browser;
let mock: Mock | null = null;
let base = '';

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  mock = real_url ? null : await open_mock();
  base = real_url ?? mock?.url ?? '';
  browser = await open_browser();
});
afterAll(async () => {
  await browser.close();
  await mock?.close();
});

const looks = [
  { look: 'light-1440', options: { viewport: { width: 1440, height: 900 }, colorScheme: 'light' as const } },
  { look: 'dark-1440', options: { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' as const } },
  { look: 'light-390', options: { viewport: { width: 390, height: 844 }, colorScheme: 'light' as const, deviceScaleFactor: 2, hasTouch: true } },
  { look: 'dark-390', options: { viewport: { width: 390, height: 844 }, colorScheme: 'dark' as const, deviceScaleFactor: 2, hasTouch: true } },
];

interface AxeResult {
  violations: { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] }[];
}

describe.each(looks)('$look', ({ look, options }) => {
  it.each(addresses(NAMES))('$name', async ({ name, path }) => {
    const { page, complaints, close } = await open_page(browser, options);
    await page.goto(base + path);
    await settle(page);
    await page.screenshot({ path: join(PICTURES, `${name}-${look}.png`), fullPage: true });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow, 'pixels that stick out of the screen').toBeLessThanOrEqual(0);
    // Through the debugger, so that the page's own policy stays as strict as it is.
    await page.evaluate(AXE);
    const { violations } = await page.evaluate<AxeResult, string[]>((values) => (globalThis as unknown as { axe: { run: (where: Document, how: object) => Promise<AxeResult> } }).axe.run(document, { runOnly: { type: 'tag', values } }), RULES);
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(' ')} (${node.failureSummary})`).join('; ')}`)).toEqual([]);
    expect(complaints).toEqual([]);
    await close();
  });
});

describe('what has to be seen', () => {
  const sideways = (node: Element): number => node.scrollWidth - node.clientWidth;

  it('the views as a whole, on a wide screen', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/views`);
    await settle(page);
    expect(await page.getByRole('region', { name: 'Views' }).evaluate(sideways)).toBeLessThanOrEqual(0);
    await close();
  });

  it('the ledger as a whole, on a phone', async () => {
    const { page, close } = await open_page(browser, { viewport: { width: 390, height: 844 } });
    await page.goto(`${base}/pipeline`);
    await settle(page);
    const ledger = page.locator('.scroll-x[aria-label="Ledger"]');
    expect(await ledger.evaluate(sideways)).toBeLessThanOrEqual(0);
    await ledger.getByText('yes').first().waitFor();
    await close();
  });

  it.each(['/views', '/queries', '/topics', `/topics/${NAMES.topic}/messages`])('that %s goes on to the side, on a phone, until its end is reached', async (path) => {
    const { page, close } = await open_page(browser, { viewport: { width: 390, height: 844 } });
    await page.goto(base + path);
    await settle(page);
    const table = page.locator('main .scroll-x').first();
    expect(await table.evaluate(sideways)).toBeGreaterThan(0);
    await expect.poll(() => table.evaluate((node) => getComputedStyle(node).maskImage)).toContain('gradient');
    await table.evaluate((node) => (node.scrollLeft = node.scrollWidth));
    await expect.poll(() => table.getAttribute('data-more')).toBe('left');
    await page.goto(`${base}/pipeline`);
    await settle(page);
    await expect.poll(() => page.locator('.scroll-x[aria-label="Ledger"]').getAttribute('data-more')).toBe('');
    await close();
  });

  it('the last label of a chart whole', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/?range=custom&from=2011-11-01T00:00:00&to=2011-11-29T00:00:00`);
    await settle(page);
    // Nothing is drawn at the very edge of the canvas: a label that is cut would be.
    const cut = await page.locator('.chart canvas').first().evaluate((node) => {
      const canvas = node as HTMLCanvasElement;
      const pixels = canvas.getContext('2d')?.getImageData(canvas.width - 1, canvas.height - 24, 1, 24).data ?? [];
      return pixels.some((value) => value > 0);
    });
    expect(cut).toBe(false);
    await close();
  });

  it('every name of the pipeline within its box', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/pipeline`);
    await settle(page);
    const out = await page.locator('svg g.node').evaluateAll((nodes) => nodes.flatMap((node) => {
      const [box, name] = [node.querySelector('rect'), node.querySelector('text.name')];
      return box && name && name.getBoundingClientRect().right > box.getBoundingClientRect().right - 4 ? [name.textContent] : [];
    }));
    expect(out).toEqual([]);
    await close();
  });
});

describe('what a page shows when it has nothing', () => {
  it('an address that is none', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/nothing/here`);
    await page.getByRole('heading', { name: 'There is nothing at /nothing/here' }).waitFor();
    await page.locator('main').getByRole('link', { name: 'Pipeline' }).click();
    await page.waitForURL('**/pipeline');
    await close();
  });

  it('a view that is none', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/views/no_such_view`);
    await page.getByRole('alert').getByText('not found').first().waitFor();
    await close();
  });

  it('a shop whose windows all have a second key', async () => {
    const { page, complaints, close } = await open_page(browser);
    const asked = async (path: string): Promise<unknown> => (await fetch(`${base}/api/v1/${path}`)).json();
    const dashboard = (await asked('dashboard')) as object;
    const views = (await asked('views')) as { window_ms: number | null; key: string[] }[];
    await page.route('**/api/v1/dashboard', (route) => route.fulfill({ json: { ...dashboard, tiles: [], timeline: null } }));
    await page.route('**/api/v1/views', (route) => route.fulfill({ json: views.filter(({ window_ms, key }) => window_ms === null || key.includes('country')) }));
    await page.goto(base);
    await page.getByRole('heading', { name: 'No chart and no tiles yet' }).waitFor();
    await page.getByText('is grouped by country as well').waitFor();
    await page.getByRole('region', { name: 'SQL of such a view' }).getByText('window.start AS window_start').waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('a project that is empty, on every page', async () => {
    const empty = await open_mock({ empty: true });
    const { page, complaints, close } = await open_page(browser);
    for (const [path, text] of [['/', 'Three steps'], ['/pipeline', 'CREATE SOURCE'], ['/views', 'CREATE MATERIALIZED VIEW'], ['/topics', 'CREATE SOURCE'], ['/groups', 'group.id'], ['/queries', 'CREATE MATERIALIZED VIEW']]) {
      await page.goto(empty.url + path);
      await page.locator('main').getByText(text ?? '').first().waitFor();
    }
    expect(complaints).toEqual([]);
    await close();
    await empty.close();
  });

  it('a stage that has failed and a way that stands still', async () => {
    const stalled = await open_mock({ stalled: true });
    const { page, close } = await open_page(browser);
    await page.goto(`${stalled.url}/pipeline`);
    await page.getByRole('status').getByText('sink raw_orders has failed.').waitFor();
    expect(await page.locator('.wire.stalled').count()).toBe(2);
    await page.screenshot({ path: join(PICTURES, 'pipeline-stalled.png') });
    // Every page says it, for whoever looks at figures alone; and it leads to the reason.
    await page.goto(`${stalled.url}/`);
    await page.getByRole('link', { name: 'sink raw_orders failed' }).click();
    await page.getByRole('dialog').getByText('no space left on device').waitFor();
    await close();
    await stalled.close();
  });
});
