// What the pages weigh: bytes of script, time to the first paint, memory over time, paints a second.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { open_browser } from './browser';
import { open_mock, real_url, type Mock } from './server';
import { open_page, settle } from './watch';

const SCRIPT_BYTES_MAX = 150 * 1024;
const FIRST_PAINT_MS_MAX = 300;
const SECONDS = Number(process.env.SOAK_SECONDS ?? 60);
const GROWTH_BYTES_MAX = 3 * 1024 * 1024;
const ASSETS = join(import.meta.dirname, '../../dist/assets');

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

describe('the pages', () => {
  it('are at most 150 kB of script, gzipped', () => {
    const scripts = readdirSync(ASSETS).filter((name) => name.endsWith('.js'));
    const size = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(join(ASSETS, name))).length, 0);
    expect(size).toBeLessThanOrEqual(SCRIPT_BYTES_MAX);
  });

  it('hold no inline script, style or address from elsewhere', () => {
    const html = readFileSync(join(ASSETS, '../index.html'), 'utf8');
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
    expect(html).not.toMatch(/https?:\/\//);
  });

  it('paint within 300 ms', async () => {
    // The first visit warms the machine, not the browser's cache: each context has its own.
    const times: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      const { page, close } = await open_page(browser);
      await page.goto(base);
      await page.locator('main h1').first().waitFor();
      const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity);
      if (i > 0) times.push(paint);
      await close();
    }
    times.sort((a, b) => a - b);
    expect(times[1]).toBeLessThan(FIRST_PAINT_MS_MAX);
  });
});

describe('ten updates a second', () => {
  it(`for ${SECONDS} s leave the memory as it was, and paint at most ten times a second`, async () => {
    const live = await open_mock({ live: 10 });
    const { page, complaints, close } = await open_page(browser);
    await page.goto(live.url);
    await settle(page);
    const session = await page.context().newCDPSession(page);
    const heap = async () => {
      await session.send('HeapProfiler.collectGarbage');
      return (await session.send('Runtime.getHeapUsage')).usedSize;
    };
    const paints = await page.evaluate(() => {
      const counter = { count: 0 };
      const clear = CanvasRenderingContext2D.prototype.clearRect;
      CanvasRenderingContext2D.prototype.clearRect = function (...args) {
        counter.count += 1;
        return clear.apply(this, args);
      };
      (globalThis as unknown as { counter: typeof counter }).counter = counter;
      return counter.count;
    });
    await page.waitForTimeout(10_000);
    const before = await heap();
    await page.waitForTimeout(SECONDS * 1000);
    const after = await heap();
    const painted = (await page.evaluate(() => (globalThis as unknown as { counter: { count: number } }).counter.count)) - paints;
    expect(painted).toBeGreaterThan(SECONDS);
    expect(painted).toBeLessThanOrEqual((SECONDS + 12) * 10);
    expect(after - before).toBeLessThan(GROWTH_BYTES_MAX);
    expect(live.shop.feeds.size).toBe(1);
    expect(complaints).toEqual([]);
    await close();
    await live.close();
  }, (SECONDS + 60) * 1000);
});
