// The pages in use: by keyboard alone, through links that hold the whole picture, live, cut off and back.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { open_browser } from './browser';
import { open_line, open_mock, real_url, type Mock } from './server';
import { addresses, open_page, settle } from './watch';

const NAMES = { view: process.env.VIEW ?? 'revenue_5m', topic: process.env.TOPIC ?? 'order_lines', query: process.env.QUERY ?? 'revenue_5m' };

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

/** What has the focus, so that two stops can be told apart. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const node = document.activeElement;
    if (!node || node === document.body) return null;
    const all = [...document.querySelectorAll('a[href], button:not([disabled]), input, select, textarea, summary, [tabindex="0"]')];
    return { at: all.indexOf(node), name: node.getAttribute('aria-label') ?? node.textContent?.trim().slice(0, 60) ?? '', outlined: getComputedStyle(node).outlineStyle !== 'none' || node.closest('svg') !== null };
  });

describe('the keyboard', () => {
  it.each(addresses(NAMES))('reaches everything on $name, and shows where it is', async ({ path }) => {
    const { page, close } = await open_page(browser);
    await page.goto(base + path);
    await settle(page);
    const wanted = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('a[href], button:not([disabled]), input, select, textarea, summary, [tabindex="0"]')]
        .map((node, i) => ({ node, i }))
        .filter(({ node }) => node.checkVisibility({ visibilityProperty: true }))
        .map(({ i }) => i),
    );
    const reached = new Set<number>();
    for (let i = 0; i < wanted.length + 40; i += 1) {
      await page.keyboard.press('Tab');
      const here = await focused(page);
      if (!here) continue;
      reached.add(here.at);
      expect(here.outlined, `the focus on "${here.name}" is seen`).toBe(true);
      if (reached.size >= wanted.length) break;
    }
    expect(wanted.filter((i) => !reached.has(i))).toEqual([]);
    await close();
  });

  it('finds a view by Ctrl-K, and Escape leaves everything as it was', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/pipeline`);
    await settle(page);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').waitFor();
    await page.keyboard.press('Escape');
    expect(new URL(page.url()).pathname).toBe('/pipeline');
    await page.keyboard.press('Control+k');
    await page.keyboard.type(NAMES.view);
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/views/${NAMES.view}`);
    await page.getByRole('heading', { level: 1, name: NAMES.view }).waitFor();
    await close();
  });

  it('walks through the windows of a chart and opens one', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(base);
    await settle(page);
    await page.getByRole('application').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('.tip .when').waitFor();
    const first = await page.locator('.tip .when').innerText();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('.tip .when').innerText()).not.toBe(first);
    for (let i = 0; i < 200 && (await page.locator('.tip .value').first().innerText()) === 'nothing'; i += 1) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/views/**');
    expect(page.url()).toContain('range=custom');
    await close();
  });

  it('keeps the focus inside an open drawer and gives it back', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/topics/${NAMES.topic}/messages`);
    await settle(page);
    const link = page.locator('tbody tr a').first();
    await link.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    for (let i = 0; i < 12; i += 1) {
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null)).toBe(true);
    }
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('A');
    await close();
  });
});

describe('from a figure to its line in the file', () => {
  it('a large order leads to its row, to its records, to file and line', async () => {
    const { page, complaints, close } = await open_page(browser);
    await page.goto(base);
    await settle(page);
    await page.locator('tbody tr', { hasText: '581483' }).first().getByRole('link').click();
    await page.getByRole('dialog').getByText('80,995').first().waitFor();
    await page.getByRole('link', { name: `Records of ${NAMES.topic}` }).click();
    await page.waitForURL('**/messages**');
    await settle(page);
    await page.locator('tbody tr', { hasText: '581483' }).first().locator('a').click();
    const drawer = page.getByRole('dialog');
    await drawer.getByText('online_retail', { exact: false }).waitFor();
    await drawer.getByText('540,423').waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('a country narrows the picture, and the address says so', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(base);
    await settle(page);
    await page.getByRole('link', { name: 'Germany' }).first().click();
    await page.getByRole('heading', { name: 'Revenue, Germany' }).waitFor();
    const address = page.url();
    expect(address).toContain('Germany');
    await settle(page);
    const shown = await page.locator('.tile').first().innerText();
    const { page: second, close: close_second } = await open_page(browser);
    await second.goto(address);
    await second.getByRole('heading', { name: 'Revenue, Germany' }).waitFor();
    await settle(second);
    expect(await second.locator('.tile').first().innerText()).toBe(shown);
    await close();
    await close_second();
  });

  it('back and forward go through what was seen', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(base);
    await settle(page);
    await page.getByLabel('Range of event time').last().selectOption('7d');
    await page.waitForURL('**range=7d**');
    await page.getByRole('link', { name: 'Pipeline', exact: true }).click();
    await page.waitForURL('**/pipeline');
    await page.goBack();
    await page.waitForURL('**range=7d**');
    await page.goBack();
    expect(new URL(page.url()).search).toBe('');
    await close();
  });
});

describe.skipIf(real_url)('a group', () => {
  it('leads from its lag to the record that it goes on from', async () => {
    const { page, complaints, close } = await open_page(browser);
    await page.goto(base);
    await page.getByRole('link', { name: 'Groups', exact: true }).click();
    await page.getByRole('row', { name: /mailer/ }).getByText('1,240').waitFor();
    await page.getByRole('link', { name: 'mailer' }).click();
    await page.getByText('1,240 records before it').waitFor();
    const rows = page.getByRole('region', { name: 'Partitions of the group' }).locator('tbody tr');
    expect(await rows.nth(1).locator('td').allInnerTexts()).toEqual(['order_lines', '1', '134,237', '135,477', '1,240', 'mailer-1']);
    expect(await rows.nth(3).locator('td').allInnerTexts()).toEqual(['order_lines', '3', '–', '135,477', '–', 'mailer-2']);
    await page.getByRole('link', { name: '134,237' }).click();
    await page.waitForURL('**/topics/order_lines/messages?partition=1&offset=134237&order=oldest');
    await settle(page);
    expect(complaints).toEqual([]);
    await close();
  });

  it('that nobody is in says how it is moved', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/groups/nightly-report`);
    await page.getByText('millrace group seek nightly-report --to start').waitFor();
    await page.getByText('is not there').waitFor();
    await page.goto(`${base}/groups/no_such_group`);
    await page.getByRole('alert').getByText('not found').first().waitFor();
    await close();
  });
});

describe('what is not worth a look', () => {
  it('is the topics for late and rejected rows, as long as they are empty', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/topics`);
    await settle(page);
    const topics = page.getByRole('region', { name: 'Topics' }).locator('tbody tr');
    const usual = await topics.count();
    expect(await topics.filter({ hasText: `${NAMES.topic}.dlq` }).count()).toBe(0);
    await page.getByRole('link', { name: 'Show' }).click();
    await topics.filter({ hasText: `${NAMES.topic}.dlq` }).waitFor();
    expect(page.url()).toContain('empty=show');
    expect(await topics.count()).toBeGreaterThan(usual);
    await close();
  });

  it.runIf(real_url)('are the rows of a view that keeps none', async () => {
    const { page, complaints, close } = await open_page(browser);
    await page.goto(`${base}/views/clean_sales`);
    await page.getByText('No rows of its own').waitFor();
    await page.getByRole('link', { name: 'the topic clean_sales' }).click();
    await page.waitForURL('**/topics/clean_sales/messages');
    await settle(page);
    expect(complaints).toEqual([]);
    await close();
  });

  it.runIf(real_url)('is a watermark, once everything is read', async () => {
    const { page, close } = await open_page(browser);
    await page.goto(`${base}/views/${NAMES.view}`);
    await page.getByText('Final: nothing more will come').waitFor();
    await close();
  });
});

describe('taking it away', () => {
  it('as CSV and PNG', async () => {
    const { page, close } = await open_page(browser, { acceptDownloads: true });
    await page.goto(base);
    await settle(page);
    for (const [name, file] of [['Revenue as CSV', 'revenue.csv'], ['Revenue as PNG', 'revenue.png'], ['Countries as PNG', 'countries.png']] as const) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
      expect(download.suggestedFilename()).toBe(file);
      expect(await download.failure()).toBeNull();
    }
    await close();
  });

  it('rows of a view, filtered as shown', async () => {
    const { page, close } = await open_page(browser, { acceptDownloads: true });
    await page.goto(`${base}/views/${NAMES.view}?where=units:gt:50000`);
    await settle(page);
    const text = await page.evaluate(async () => (await fetch(document.querySelector<HTMLAnchorElement>('a.csv')?.href ?? '')).text());
    const shown = await page.locator('tbody tr').count();
    expect(text.trim().split('\n')).toHaveLength(shown + 1);
    await close();
  });
});

describe('a server that stops', () => {
  it('is told after two seconds, and what was there stays; when it is back, the page goes on', async () => {
    const line = await open_line(base);
    const { page, close } = await open_page(browser);
    await page.goto(line.url);
    await settle(page);
    const before = await page.locator('.tile').first().innerText();
    line.cut();
    const cut_at = Date.now();
    await page.getByRole('status').getByText('reconnecting').waitFor();
    expect(Date.now() - cut_at).toBeGreaterThan(1_500);
    expect(await page.locator('.tile').first().innerText()).toBe(before);
    line.mend();
    await page.getByRole('status').getByText('live', { exact: true }).waitFor();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await close();
    await line.close();
  });
});

// What follows needs a feed at a given pace, so it runs on the stand-in server alone.
describe('a live feed', () => {
  it('moves the figures, stops when paused, and fetches what was missed', async () => {
    const live = await open_mock({ live: 10 });
    const { page, close } = await open_page(browser);
    await page.goto(live.url);
    await settle(page);
    const figure = page.locator('.tile .value').first();
    const first = await figure.innerText();
    await page.waitForFunction((was) => document.querySelector('.tile .value')?.textContent?.trim() !== was, first.trim());
    await page.getByRole('button', { name: 'live' }).click();
    await page.getByRole('status').getByText('paused').waitFor();
    await page.waitForFunction(() => true);
    const held = await figure.innerText();
    const seq = live.shop.seq;
    await expect.poll(() => live.shop.seq, { timeout: 10_000 }).toBeGreaterThan(seq + 15);
    expect(await figure.innerText()).toBe(held);
    expect(live.shop.feeds.size).toBe(0);
    await page.getByRole('button', { name: 'paused' }).click();
    await page.waitForFunction((was) => document.querySelector('.tile .value')?.textContent?.trim() !== was, held.trim());
    await close();
    await live.close();
  });

  it('of messages never moves the table under the reader', async () => {
    const live = await open_mock({ live: 10 });
    const { page, close } = await open_page(browser);
    await page.goto(`${live.url}/topics/order_lines/messages?tail=1`);
    await settle(page);
    const offset = () => page.locator('tbody tr td').first().innerText();
    const first = await offset();
    await expect.poll(offset).not.toBe(first);
    await page.locator('tbody tr').nth(3).hover();
    await page.getByRole('button', { name: /held while you read/ }).waitFor();
    const held = await offset();
    const seq = live.shop.seq;
    await expect.poll(() => live.shop.seq, { timeout: 10_000 }).toBeGreaterThan(seq + 15);
    expect(await offset()).toBe(held);
    await page.getByRole('button', { name: /held while you read/ }).click();
    await expect.poll(offset).not.toBe(held);
    await close();
    await live.close();
  });
});
