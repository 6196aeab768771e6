// A browser tab whose complaints are kept: console errors, exceptions, failed requests, breaches of the content security policy.

import { real_url } from './server';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

export interface Watched {
  page: Page;
  complaints: string[];
  close: () => Promise<void>;
}

export async function open_page(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return { page, complaints, close: () => context.close() };
}

/** The page is there and has its data: no skeleton is left, and no figure is still asked for. */
export async function settle(page: Page): Promise<void> {
  await page.locator('main h1').first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.skeleton, [aria-busy="true"]').length === 0, undefined, { timeout: 15_000 });
  await page.evaluate(() => document.fonts.ready);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** Every page of the program, as addresses of a project whose first view, topic and query are `names`. */
export function addresses(names: { view: string; topic: string; query: string }): { name: string; path: string }[] {
  return [
    { name: 'trading', path: '/' },
    { name: 'trading-all', path: '/?range=all' },
    { name: 'pipeline', path: '/pipeline' },
    { name: 'views', path: '/views' },
    { name: 'view', path: `/views/${names.view}` },
    { name: 'topics', path: '/topics' },
    { name: 'messages', path: `/topics/${names.topic}/messages` },
    { name: 'partitions', path: `/topics/${names.topic}/partitions` },
    { name: 'settings', path: `/topics/${names.topic}/settings` },
    { name: 'groups', path: '/groups' },
    // The example has none of its own.
    ...(real_url ? [] : [{ name: 'group', path: '/groups/mailer' }, { name: 'group-empty', path: '/groups/nightly-report' }]),
    { name: 'queries', path: '/queries' },
    { name: 'query', path: `/queries/${names.query}` },
    { name: 'docs', path: '/docs' },
  ];
}
