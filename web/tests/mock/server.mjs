// A stand-in for the program: answers /api/v1 from the fixtures and serves the built pages with the same strict policy. For developing the
// pages and for tests that need a fault, a slow feed or an empty project at will.
//
//     node tests/mock/server.mjs [--port 8000] [--live UPDATES_PER_SECOND] [--empty] [--stalled] [--slow] [--replay SPEED]

import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { dashboard_of, groups_of, health_of, key_of, ledger_of, messages_of, open_shop, pipeline_of, queries_of, topics_of } from './shop.mjs';
import { select, summary, to_csv } from './rows.mjs';
import { openapi } from './openapi.mjs';

const DIST = new URL('../../dist/', import.meta.url);
const POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const KINDS = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };

export function start_mock({ port = 0, live = 0, empty = false, stalled = false, slow = false, replay = null } = {}) {
  const shop = open_shop({ empty });
  Object.assign(shop, { live_rate: live * 120, stalled, slow, seq: 0, feeds: new Set() });
  if (replay) shop.replay = { active: true, speed: Number(replay) };
  const server = createServer((request, response) => answer(shop, request, response));
  const timer = live > 0 ? setInterval(() => tick(shop), 1000 / live) : undefined;
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      resolve({
        shop, url: `http://127.0.0.1:${server.address().port}`,
        close: () => { clearInterval(timer); server.closeAllConnections(); return new Promise((done) => server.close(done)); },
      });
    });
  });
}

function tick(shop) {
  shop.seq += 1;
  shop.event_ms += 2_000 * (shop.replay.active ? 10 : 1);
  const view = shop.views.get('revenue_5m');
  const window_start = new Date(Math.floor(shop.event_ms / 300_000) * 300_000).toISOString().slice(0, 19);
  let row = view.rows.at(-1);
  if (row.window_start !== window_start) {
    row = { window_start, lines: 0, orders: 0, units: 0, revenue: '0.000', cancellations: 0, customers: 0 };
    view.rows.push(row);
  }
  const pence = 1_500 + ((shop.seq * 7919) % 20_000);
  const thousandths = BigInt(row.revenue.replace('.', '')) + BigInt(pence);
  const text = String(thousandths).padStart(4, '0');
  Object.assign(row, { lines: row.lines + 12, orders: row.orders + 1, units: row.units + 30, customers: row.customers + 1, revenue: `${text.slice(0, -3)}.${text.slice(-3)}` });
  const data = JSON.stringify({ upserts: [{ ...row, _key: key_of(view, row) }], deletes: [], watermark_ms: shop.event_ms - 600_000, event_time_ms: shop.event_ms });
  for (const feed of shop.feeds) {
    if (feed.view === 'revenue_5m') feed.response.write(`id: ${shop.seq}\nevent: rows\ndata: ${data}\n\n`);
    if (feed.topic === 'order_lines') {
      const [message] = messages_of(shop, 'order_lines').slice(shop.seq % 300);
      const sent = { ...message, offset: 140_000 + shop.seq, time_ms: shop.event_ms };
      feed.response.write(`event: messages\ndata: ${JSON.stringify({ messages: [sent], skipped: 0 })}\n\n`);
    }
  }
}

function answer(shop, request, response) {
  const url = new URL(request.url, 'http://localhost');
  const parts = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  response.setHeader('Content-Security-Policy', POLICY);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (parts[0] === 'api') return answer_api(shop, parts.slice(2), url.searchParams, request, response);
  return serve_file(url.pathname, response);
}

function serve_file(path, response) {
  const name = extname(path) ? path.slice(1) : 'index.html';
  const file = new URL(name, DIST);
  if (!file.pathname.startsWith(DIST.pathname) || !existsSync(file)) return problem(response, 404, `no file at ${path}`);
  response.setHeader('Content-Type', KINDS[extname(name)] ?? 'application/octet-stream');
  response.end(readFileSync(file));
}

function json(response, body) {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
}

function problem(response, status, detail, cure) {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/problem+json');
  response.end(JSON.stringify({ type: 'urn:millrace:problem:not-found', title: 'Not Found', status, detail, instance: response.req.url, cure }));
}

function stream(shop, request, response, about) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(': open\n\n');
  const feed = { ...about, response };
  shop.feeds.add(feed);
  if (feed.view) {
    // As the program does: a client that has just come is told where things stand before anything has changed.
    const opening = { upserts: [], deletes: [], watermark_ms: shop.event_ms - 600_000, event_time_ms: shop.event_ms };
    response.write(`id: ${shop.seq}\nevent: rows\ndata: ${JSON.stringify(opening)}\n\n`);
  }
  request.on('close', () => shop.feeds.delete(feed));
}

function answer_api(shop, [group, name, leaf], params, request, response) {
  if (group === 'project') return json(response, project(shop));
  if (group === 'dashboard') return json(response, dashboard_of(shop));
  if (group === 'views') return answer_view(shop, name, leaf, params, request, response);
  if (group === 'topics') return answer_topic(shop, name, leaf, params, request, response);
  if (group === 'groups') return answer_groups(response, groups_of(shop), name);
  if (group === 'queries') return one_or_all(response, queries_of(shop), name, 'query');
  if (group === 'pipeline') {
    if (name === 'live') return stream(shop, request, response, { pipeline: true });
    return json(response, pipeline_of(shop));
  }
  if (group === 'ledger') return json(response, ledger_of(shop));
  if (group === 'health') return json(response, health_of(shop));
  if (group === 'openapi.json') return json(response, openapi);
  return problem(response, 404, `there is nothing at /api/v1/${group}`, 'GET /api/v1/openapi.json lists every address');
}

function one_or_all(response, all, name, word) {
  if (!name) return json(response, all);
  const one = all.find((thing) => thing.name === name);
  return one ? json(response, one) : problem(response, 404, `${word} \`${name}\` not found`, `see /api/v1/${word === 'query' ? 'queries' : `${word}s`}`);
}

function answer_groups(response, all, name) {
  if (name) return one_or_all(response, all, name, 'group');
  return json(response, all.map(({ members, partitions, ...line }) => ({ ...line, members: members.length, topics: [...new Set(partitions.map(({ topic }) => topic))] })));
}

function project(shop) {
  return {
    name: shop.empty ? 'my-shop' : 'online-retail', version: '0.1.0', started_at_ms: shop.started_ms, timezone: shop.empty ? null : 'Europe/London', currency: shop.empty ? null : 'GBP',
    empty: shop.empty, data_dir: '.millrace', event_time: shop.empty ? null : { min_ms: Date.parse('2010-12-01T08:26:00Z'), max_ms: shop.event_ms }, replay: shop.replay,
    counts: { sources: shop.empty ? 0 : 1, views: shop.views.size, queries: shop.views.size, sinks: shop.empty ? 0 : 2, topics: topics_of(shop).length },
  };
}

function answer_view(shop, name, leaf, params, request, response) {
  const view = name && shop.views.get(name);
  if (!view || !leaf) return one_or_all(response, [...shop.views.values()].map((v) => ({ ...v.about, rows: v.rows.length })), name, 'view');
  if (leaf === 'live') return stream(shop, request, response, { view: name });
  if (leaf === 'summary') return json(response, summary(view, params));
  const names = params.get('columns')?.split(',') ?? view.about.columns.map((c) => c.name);
  const columns = names.map((n) => view.about.columns.find((c) => c.name === n)).filter(Boolean);
  const rows = select(view, params);
  if (params.get('format') === 'csv') {
    response.setHeader('Content-Type', 'text/csv; charset=utf-8');
    return response.end(to_csv(columns, rows));
  }
  const [offset, limit] = [Number(params.get('offset') ?? 0), Number(params.get('limit') ?? 100)];
  const page = rows.slice(offset, offset + limit);
  const base = { columns: columns.map(({ name, type }) => ({ name, type })), total: rows.length, offset, limit, committed: { epoch: shop.epoch, watermark_ms: shop.event_ms - 600_000, complete: false, live_id: String(shop.seq) } };
  if (params.get('shape') === 'columns') return json(response, { ...base, data: Object.fromEntries(names.map((n) => [n, page.map((row) => row[n])])) });
  return json(response, { ...base, rows: page.map((row) => Object.fromEntries(names.map((n) => [n, row[n]]))) });
}

function answer_topic(shop, name, leaf, params, request, response) {
  if (!leaf) return one_or_all(response, topics_of(shop), name, 'topic');
  if (leaf === 'live') return stream(shop, request, response, { topic: name });
  if (leaf === 'search') return answer_search(shop, name, params, request, response);
  let all = messages_of(shop, name);
  const newest = params.get('order') !== 'oldest';
  const [time, key, text, partition, offset] = ['time', 'key', 'search', 'partition', 'offset'].map((p) => params.get(p));
  if (time) all = all.filter((m) => (newest ? m.time_ms <= Date.parse(`${time}Z`) : m.time_ms >= Date.parse(`${time}Z`)));
  if (key) all = all.filter((m) => m.key === key);
  if (text) all = all.filter((m) => JSON.stringify(m.value).toLowerCase().includes(text.toLowerCase()));
  if (partition) all = all.filter((m) => m.partition === Number(partition));
  if (offset) all = all.filter((m) => (newest ? m.offset <= Number(offset) : m.offset >= Number(offset)));
  if (newest) all.reverse();
  const skip = Number(params.get('cursor') ?? 0);
  const limit = Number(params.get('limit') ?? 50);
  const next = skip + limit < all.length ? { ...Object.fromEntries(params), cursor: String(skip + limit) } : null;
  return json(response, { messages: all.slice(skip, skip + limit), next, scanned: all.length, complete: true });
}

/** A search in pieces; with `slow` one that goes on until it is cancelled. */
function answer_search(shop, name, params, request, response) {
  const [key, field, value, from, to, partition] = ['key', 'field', 'value', 'from', 'to', 'partition'].map((p) => params.get(p));
  if (!field !== (value === null)) return problem(response, 400, 'field and value go together', 'give both or none');
  const found = messages_of(shop, name).reverse().filter((m) =>
    (!key || m.key === key) && (!field || String(m.value[field]) === value || Number(m.value[field]) === Number(value)) && (!partition || m.partition === Number(partition))
    && (!from || m.time_ms >= Date.parse(`${from}Z`)) && (!to || m.time_ms < Date.parse(`${to}Z`))).slice(0, 100);
  const total = topics_of(shop).find((topic) => topic.name === name)?.bytes ?? 0;
  const told = (state, matches, share) => ({
    state, matches, records: 14_000, bytes_total: total, bytes_read: Math.round(share * 0.1 * total), bytes_skipped: Math.round(share * 0.9 * total), filter_bytes: 120_000,
    blocks_read: 3, blocks_skipped: 120, blocks_damaged: 0, missing_field: null,
  });
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const send = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const feed = { search: name, response };
  shop.feeds.add(feed);
  request.on('close', () => shop.feeds.delete(feed));
  const half = Math.ceil(found.length / 2);
  found.slice(0, half).forEach((message) => send('match', message));
  send('progress', told('running', half, 0.5));
  if (shop.slow) return;
  found.slice(half).forEach((message) => send('match', message));
  send('done', told(found.length === 100 ? 'full' : 'complete', found.length, 1));
  response.end();
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const flag = (name) => { const i = process.argv.indexOf(`--${name}`); return i < 0 ? undefined : process.argv[i + 1]; };
  const has = (name) => process.argv.includes(`--${name}`);
  const mock = await start_mock({ port: Number(flag('port') ?? 8000), live: Number(flag('live') ?? 0), empty: has('empty'), stalled: has('stalled'), slow: has('slow'), replay: flag('replay') ?? null });
  console.log(mock.url);
}
