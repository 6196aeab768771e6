// Every line of docs/api.md that asks something is answered, by a program that has loaded the example, as it is written there.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { real_url } from './server';

const guide = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');

/** The lines that begin with curl, those that go on with a backslash put together. */
function lines(): string[] {
  const blocks = [...guide.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block ?? '');
  return blocks.flatMap((block) => block.replace(/\\\n\s*/g, '').split('\n')).filter((line) => line.startsWith('curl '));
}

/** What curl would ask. */
function request_of(line: string): { address: string; init: RequestInit } {
  const words = [...line.replace(/\s+[#>].*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  const after = (flag: string) => words.flatMap((word, i) => (word === flag ? [words[i + 1] ?? ''] : []));
  const address = (words.find((word) => word.startsWith('http://')) ?? '').replace('http://localhost:8000', real_url ?? '');
  const headers = Object.fromEntries(after('-H').map((header) => header.split(': ') as [string, string]));
  if (!words.includes('-G')) return { address, init: after('-d').length > 0 ? { method: 'POST', headers, body: after('-d')[0] } : { headers } };
  const query = new URLSearchParams([...after('-d'), ...after('--data-urlencode')].map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]));
  return { address: `${address}?${query}`, init: { headers } };
}

describe.runIf(real_url)('docs/api.md', () => {
  it.each(lines())('%s', async (line) => {
    const { address, init } = request_of(line);
    const stop = new AbortController();
    const response = await fetch(address, { ...init, signal: stop.signal });
    // The one line that shows what an error looks like.
    expect(response.status).toBe(line.includes('country:is:') ? 400 : 200);
    const type = response.headers.get('content-type') ?? '';
    if (!type.startsWith('text/event-stream')) expect((await response.text()).length).toBeGreaterThan(2);
    stop.abort();
  });

  it('asks for rows, sums, CSV, records, a feed, an answer and an error', () => {
    expect(lines().length).toBeGreaterThanOrEqual(12);
  });
});
