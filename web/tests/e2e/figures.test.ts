// Figures on the pages equal the exact results, which were computed apart from the program.

import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { to_grouped } from '../../src/format/decimal';
import { rounded } from '../../src/format/figure';
import { open_browser } from './browser';
import { open_mock, real_url, type Mock } from './server';
import { open_page, settle } from './watch';

interface Sums {
  rows: number;
  units: number;
  revenue_milli: number;
  orders_by_window: number;
  windows: number;
}
interface Expected {
  totals: { rows: number; units: number; revenue_milli: number };
  country_columns: string[];
  by_country: string[][];
  last_day: Sums;
  week_before_until_12_50: Sums;
}

const expected = JSON.parse(readFileSync(new URL('../fixtures/expected.json', import.meta.url), 'utf8')) as Expected;
const milli = (value: number | string) => ({ units: BigInt(value), scale: 3 });
const money = (value: number | string) => rounded(milli(value), 'money', 'GBP');
const VIEW = process.env.VIEW ?? 'revenue_5m';
const COUNTRIES = process.env.COUNTRIES ?? (real_url ? 'by_country' : 'revenue_by_country');

let browser: Browser;
let mock: Mock | null = null;
let base = '';

beforeAll(async () => {
  mock = real_url ? null : await open_mock();
  base = real_url ?? mock?.url ?? '';
  browser = await open_browser();
});
afterAll(async () => {
  await browser.close();
  await mock?.close();
});

async function tile(page: Page, title: string): Promise<{ text: string; exact: string; before: string }> {
  const one = page.locator('.tile').filter({ hasText: title }).first();
  const value = one.locator('.value span').first();
  const before = one.locator('.before span');
  // All time is compared with nothing, so there may be none.
  const told = (await before.count()) > 0 ? await before.getAttribute('title') : '';
  return { text: (await value.innerText()).trim(), exact: (await value.getAttribute('title')) ?? '', before: told ?? '' };
}

describe('Live trading', () => {
  it('shows the last day to the penny, against the same time a week before', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(base);
    await settle(page);
    const revenue = await tile(page, 'Revenue');
    expect(revenue.exact).toBe(`£${to_grouped(milli(expected.last_day.revenue_milli))}`);
    expect(revenue.before).toBe(`£${to_grouped(milli(expected.week_before_until_12_50.revenue_milli))}`);
    const units = await tile(page, 'Units');
    expect(units.text).toBe(expected.last_day.units.toLocaleString('en'));
    expect(units.before).toBe(expected.week_before_until_12_50.units.toLocaleString('en'));
    await close();
  });

  it('shows the whole year to the last digit', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/?range=all`);
    await settle(page);
    expect((await tile(page, 'Revenue')).exact).toBe(`£${to_grouped(milli(expected.totals.revenue_milli))}`);
    expect((await tile(page, 'Units')).text).toBe(expected.totals.units.toLocaleString('en'));
    await close();
  });

  it('draws the whole year, however late it is told where the year began', async () => {
    const { page, close } = await open_page(browser);
    // The live feed speaks first, and knows of the last event only.
    await page.route('**/api/v1/project', async (route) => {
      await new Promise((done) => setTimeout(done, 1_500));
      await route.continue();
    });
    await page.goto(`${base}/?range=all&table=timeline`);
    await page.locator('.tile').first().waitFor();
    await settle(page);
    expect((await tile(page, 'Revenue')).exact).toBe(`£${to_grouped(milli(expected.totals.revenue_milli))}`);
    // By day, and there are more days than the last one has windows.
    expect(await page.locator('section', { hasText: 'Revenue' }).first().locator('tbody tr').count()).toBeGreaterThan(expected.last_day.windows);
    await close();
  });

  it('draws what its table says, and the table sums to the total', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/?table=timeline`);
    await settle(page);
    const cells = await page.locator('section', { hasText: 'Revenue' }).first().locator('tbody tr td:nth-child(2)').allInnerTexts();
    const values = cells.filter((text) => text !== '–').map((text) => BigInt(text.replace('−', '-').replace(/[,.]/g, '')));
    expect(values).toHaveLength(expected.last_day.windows);
    expect(values.reduce((a, b) => a + b, 0n)).toBe(BigInt(expected.last_day.revenue_milli));
    await close();
  });
});

describe('Views', () => {
  it('shows the countries of the year, greatest first, to the penny', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/views/${COUNTRIES}?order=-revenue&y=revenue`);
    await settle(page);
    const bars = await page.locator('.chart ol li').evaluateAll((items) => items.map((item) => [item.querySelector('.label')?.textContent ?? '', item.querySelector('.value')?.textContent ?? '']));
    const wanted = expected.by_country.slice(0, 12).map((row) => [row[0], money(row[expected.country_columns.indexOf('revenue_milli')] ?? '0')]);
    expect(bars.slice(0, 12)).toEqual(wanted);
    await close();
  });

  it('counts every window', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/views/${VIEW}`);
    await settle(page);
    await page.getByText('1–50 of 15,921').waitFor();
    await close();
  });
});

describe('Pipeline', () => {
  it('has a ledger that balances, line by line', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/pipeline`);
    await settle(page);
    const lines = await page.getByRole('region', { name: 'Ledger' }).locator('tbody tr').evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('td.number')].map((cell) => Number(cell.textContent?.replace(/,/g, '')))));
    expect(lines.length).toBeGreaterThan(1);
    for (const [read, used, late, duplicate, rejected] of lines) expect(read).toBe((used ?? 0) + (late ?? 0) + (duplicate ?? 0) + (rejected ?? 0));
    expect(lines[0]?.[0]).toBe(expected.totals.rows);
    await close();
  });
});
