// A shop in memory for the stand-in server: views, topics and queries built from the fixtures, in the shapes of /api/v1.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const FIXTURES = new URL('../fixtures/', import.meta.url);
const INTEGER = new Set(['lines', 'orders', 'units', 'cancellations', 'customers', 'quantity', 'file_line']);

function parse_csv(text) {
  const rows = [];
  let [row, cell, quoted] = [[], '', false];
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') { cell += '"'; i += 1; } else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"') quoted = true;
    else if (c === ',') { row.push(cell); cell = ''; } else if (c === '\n') { row.push(cell); rows.push(row); row = []; cell = ''; } else cell += c;
  }
  return rows;
}

function read(name) {
  const [head, ...rows] = parse_csv(gunzipSync(readFileSync(new URL(`${name}.csv.gz`, FIXTURES))).toString('utf8'));
  return rows.map((cells) => Object.fromEntries(head.map((h, i) => [h, cells[i] === '' ? null : INTEGER.has(h) ? Number(cells[i]) : cells[i]])));
}

const TYPES = {
  window_start: 'TIMESTAMP', invoice_date: 'TIMESTAMP', revenue: 'DECIMAL(38,3)', amount: 'DECIMAL(38,3)', unit_price: 'DECIMAL(12,3)',
  lines: 'BIGINT', orders: 'BIGINT', units: 'BIGINT', cancellations: 'BIGINT', customers: 'BIGINT', quantity: 'INT',
};

function columns_of(rows) {
  return Object.keys(rows[0] ?? {}).map((name) => ({ name, type: TYPES[name] ?? 'STRING', nullable: true }));
}

const SQL = {
  revenue_5m: `CREATE MATERIALIZED VIEW revenue_5m AS
SELECT window.start AS window_start, count(*) AS lines, count(DISTINCT invoice_no) AS orders,
       sum(quantity) AS units, sum(quantity * unit_price) AS revenue,
       count(DISTINCT CASE WHEN invoice_no LIKE 'C%' THEN invoice_no END) AS cancellations,
       count(DISTINCT customer_id) AS customers
FROM order_lines -- every line, also what was cancelled
GROUP BY window(invoice_date, '5 minutes')`,
  revenue_5m_country: `CREATE MATERIALIZED VIEW revenue_5m_country AS
SELECT window.start AS window_start, country, count(*) AS lines, count(DISTINCT invoice_no) AS orders,
       sum(quantity) AS units, sum(quantity * unit_price) AS revenue
FROM order_lines GROUP BY window(invoice_date, '5 minutes'), country`,
  revenue_by_country: `CREATE MATERIALIZED VIEW revenue_by_country AS
SELECT country, count(*) AS lines, count(DISTINCT invoice_no) AS orders, sum(quantity) AS units, sum(quantity * unit_price) AS revenue
FROM order_lines GROUP BY country`,
  top_products: `CREATE MATERIALIZED VIEW top_products AS
SELECT stock_code, max(trim(description)) AS description, count(*) AS lines, sum(quantity) AS units, sum(quantity * unit_price) AS revenue
FROM order_lines GROUP BY stock_code`,
  large_orders: `CREATE MATERIALIZED VIEW large_orders AS
SELECT invoice_no, min(invoice_date) AS invoice_date, max(customer_id) AS customer_id, max(country) AS country,
       count(*) AS lines, sum(quantity) AS units, sum(quantity * unit_price) AS amount
FROM order_lines GROUP BY invoice_no HAVING sum(quantity * unit_price) >= 2000`,
  cancellations: `CREATE MATERIALIZED VIEW cancellations AS
SELECT invoice_no, min(invoice_date) AS invoice_date, max(customer_id) AS customer_id, max(country) AS country,
       count(*) AS lines, sum(quantity) AS units, sum(quantity * unit_price) AS amount
FROM order_lines WHERE invoice_no LIKE 'C%' GROUP BY invoice_no`,
};

const KEYS = {
  revenue_5m: ['window_start'], revenue_5m_country: ['window_start', 'country'], revenue_by_country: ['country'],
  top_products: ['stock_code'], large_orders: ['invoice_no'], cancellations: ['invoice_no'],
};
const TIMES = { revenue_5m: 'window_start', revenue_5m_country: 'window_start', large_orders: 'invoice_date', cancellations: 'invoice_date' };
const ALL_LINES = 541_909;

export function open_shop({ empty = false } = {}) {
  const views = new Map();
  if (!empty) {
    Object.keys(SQL).forEach((name, i) => {
      const rows = read(name);
      views.set(name, {
        rows,
        about: {
          name, materialized: true, kind: 'upserts', columns: columns_of(rows), key: KEYS[name], time_column: TIMES[name] ?? null,
          window_ms: name.startsWith('revenue_5m') ? 300_000 : null, rows: rows.length, topic: name, query: name, sql: SQL[name],
          source_file: '20-views.sql', source_line: 3 + i * 9,
        },
      });
    });
  }
  const lines = empty ? [] : read('order_lines');
  return { empty, views, lines, started_ms: Date.now(), event_ms: Date.parse('2011-12-09T12:50:00Z'), replay: { active: false, speed: null }, epoch: 311 };
}

export function key_of(view, row) {
  return JSON.stringify(Object.fromEntries(view.about.key.map((name) => [name, row[name]])));
}

function topic(name, kind, records, columns, extra = {}) {
  const share = Math.floor(records / 4);
  const partitions = kind === 'dead_letter' || kind === 'late' ? [{ id: 0, start: 0, end: records, records, idle: false }]
    : [0, 1, 2, 3].map((id) => { const n = id === 3 ? records - 3 * share : share; return { id, start: 0, end: n, records: n, idle: kind === 'source' && id === 3 }; });
  return {
    name, kind, partitions, records, bytes: records * 71, sealed: false, schema_id: 1, columns, key: null, event_time: null, retention_ms: null,
    retention_bytes: null, configs: {}, readers: [], writer: `query:${name}`,
    schema: { type: 'record', name, fields: columns.map((c) => ({ name: c.name, type: ['null', c.type.toLowerCase()] })) }, ...extra,
  };
}

function reader(name, records, behind = 0) {
  return { name, phase: behind > 0 ? 'running' : 'idle', position: records - behind, behind };
}

const DLQ = ['stage', 'file', 'line', 'column', 'reason', 'row', 'failed_at'].map((name) => ({ name, type: name === 'line' ? 'BIGINT' : name === 'failed_at' ? 'TIMESTAMP' : 'STRING', nullable: true }));

export function topics_of(shop) {
  if (shop.empty) return [];
  const columns = columns_of(shop.lines).filter((c) => c.name !== 'file_line');
  const views = [...shop.views.values()];
  return [
    topic('order_lines', 'source', ALL_LINES, columns, {
      key: ['customer_id'], event_time: 'invoice_date', writer: 'source:order_lines',
      readers: [...views.map((v) => reader(`query:${v.about.name}`, ALL_LINES)), reader('sink:raw_orders', ALL_LINES, 1200)],
    }),
    topic('order_lines.dlq', 'dead_letter', 0, DLQ, { writer: 'source:order_lines' }),
    ...views.flatMap((v) => [
      topic(v.about.name, 'upserts', v.rows.length, v.about.columns, { key: v.about.key, event_time: v.about.time_column, readers: [reader('sink:warehouse', v.rows.length)] }),
      ...(v.about.window_ms ? [topic(`${v.about.name}.late`, 'late', 0, columns)] : []),
    ]),
  ];
}

export function messages_of(shop, name) {
  const view = shop.views.get(name);
  if (view) {
    return view.rows.map((row, i) => ({
      partition: i % 4, offset: Math.floor(i / 4), time_ms: Date.parse(`${row[view.about.time_column] ?? '2011-12-09T12:50:00'}Z`), key: key_of(view, row), value: row,
      headers: {}, schema_id: 2, origin: null, size_bytes: 64,
    }));
  }
  if (name !== 'order_lines') return [];
  return shop.lines.map(({ file_line, ...value }, i) => ({
    partition: i % 4, offset: 134_000 + Math.floor(i / 4), time_ms: Date.parse(`${value.invoice_date}Z`), key: value.customer_id, value,
    headers: { at: `0:${file_line}` }, schema_id: 1, origin: { file: 'data/online_retail.csv.zst', line: file_line }, size_bytes: 70 + (value.description ?? '').length,
  }));
}

export function queries_of(shop) {
  return [...shop.views.values()].map(({ about, rows }, i) => ({
    name: about.name, sql: about.sql,
    explain: [`Upsert topic=${about.name} key=[${about.key}]`, `  StreamAggregate group=[${about.key}]`, '    Project', '      Scan topic=order_lines partitions=4'],
    inputs: ['order_lines'], output: about.name, late_topic: about.window_ms ? `${about.name}.late` : null, dead_letter_topic: null, emit: 'changes',
    phase: 'idle', error: null, note: null, ledger: { read: ALL_LINES, used: ALL_LINES, late: 0, duplicate: 0, rejected: 0 }, rows_out: rows.length * 3,
    rate_per_s: shop.live_rate ?? 0, epoch: shop.epoch, epoch_ms: 14, watermark_ms: shop.event_ms - 600_000, event_time_ms: shop.event_ms, watermark_lag_ms: 600_000, lag_ms: 0, behind: 0,
    state_rows: about.window_ms ? 12 : rows.length, state_bytes: 40_960 * (i + 1), snapshot_bytes: 12_288 * (i + 1),
    stages: [
      { name: 'Stage 1, one per partition', detail: 'filter, project, late check, local aggregate · 4 workers' },
      { name: 'Stage 2, one per key shard', detail: 'merge, windows, output rows · 2 shards' },
    ],
  }));
}

export function groups_of(shop) {
  if (shop.empty) return [];
  const end = Math.floor(ALL_LINES / 4);
  const read = (partition, committed, member) => ({ topic: 'order_lines', partition, committed, end, lag: committed === null ? null : end - committed, member });
  const member = (n) => ({ id: `rdkafka-5f1c0e7a-3b1d-4f0e-9a55-0000000000${n}`, client: `mailer-${n}`, host: '127.0.0.1', instance: n === 1 ? 'mailer-a' : null, partitions: 2 });
  const [first, second] = [member(1), member(2)];
  return [
    { name: 'mailer', state: 'Stable', protocol: 'consumer', lag: 1_240, uncommitted: end, members: [first, second], partitions: [read(0, end, first.id), read(1, end - 1_240, first.id), read(2, end, second.id), read(3, null, second.id)] },
    { name: 'nightly-report', state: 'Empty', protocol: 'classic', lag: 0, uncommitted: 0, members: [], partitions: [read(0, end, null), { ...read(0, 17, null), topic: 'removed', end: null, lag: null }] },
  ];
}

export function pipeline_of(shop) {
  if (shop.empty) return { nodes: [], edges: [] };
  const views = [...shop.views.keys()];
  const base = { phase: 'idle', error: null, note: null, rate_per_s: 0, behind: 0, watermark_ms: shop.event_ms - 600_000, progress: null, detail: [] };
  const stalled = shop.stalled === true;
  const nodes = [
    { ...base, id: 'source:order_lines', kind: 'source', name: 'order_lines', phase: stalled ? 'held' : 'done', total: ALL_LINES, progress: 1, rate_per_s: shop.live_rate ?? 0,
      note: stalled ? 'waits: order_lines is 48 MiB ahead of its slowest reader' : null,
      detail: [['connector', 'csv'], ['path', 'data/online_retail.csv.zst'], ['partitions', '4'], ['key', 'customer_id']] },
    { ...base, id: 'topic:order_lines', kind: 'topic', name: 'order_lines', total: ALL_LINES, detail: [['partitions', '4'], ['records', '541,909']] },
    ...views.map((name) => ({ ...base, id: `query:${name}`, kind: 'query', name, total: ALL_LINES, rate_per_s: shop.live_rate ?? 0, detail: [['emit', 'changes'], ['epoch', String(shop.epoch)]] })),
    ...views.map((name) => ({ ...base, id: `topic:${name}`, kind: 'topic', name, total: shop.views.get(name).rows.length, detail: [] })),
    { ...base, id: 'sink:warehouse', kind: 'sink', name: 'warehouse', total: 40_000, detail: [['connector', 'sqlite']] },
    { ...base, id: 'sink:raw_orders', kind: 'sink', name: 'raw_orders', total: ALL_LINES - 1200, behind: 1200, phase: stalled ? 'failed' : 'running',
      error: stalled ? 'cannot write lake/order_lines: no space left on device' : null, detail: [['connector', 'delta'], ['path', 'lake/order_lines']] },
  ];
  const edges = [
    { from: 'source:order_lines', to: 'topic:order_lines', stalled },
    ...views.flatMap((name) => [{ from: 'topic:order_lines', to: `query:${name}`, stalled: false }, { from: `query:${name}`, to: `topic:${name}`, stalled: false }, { from: `topic:${name}`, to: 'sink:warehouse', stalled: false }]),
    { from: 'topic:order_lines', to: 'sink:raw_orders', stalled },
  ];
  return { nodes, edges };
}

export function health_of(shop) {
  if (!shop.stalled) return { status: 'ok', ready: true, problems: [] };
  return { status: 'failed', ready: true, problems: [{ stage: 'sink:raw_orders', status: 'failed', message: 'cannot write lake/order_lines: no space left on device' }] };
}

export function ledger_of(shop) {
  if (shop.empty) return [];
  const line = (stage, topics) => ({ stage, read: ALL_LINES, used: ALL_LINES, late: 0, duplicate: 0, rejected: 0, balances: true, topics });
  return [
    line('source:order_lines', { used: 'order_lines', late: null, rejected: 'order_lines.dlq' }),
    ...[...shop.views.values()].map(({ about }) => line(`query:${about.name}`, { used: about.name, late: about.window_ms ? `${about.name}.late` : null, rejected: null })),
  ];
}

export function dashboard_of(shop) {
  if (shop.empty) return { currency: null, tiles: [], timeline: null, bars: [], feeds: [] };
  const tile = (title, column, unit, extra = {}) => ({ title, view: 'revenue_5m', time_column: 'window_start', column, unit, better: 'up', ...extra });
  return {
    currency: 'GBP',
    tiles: [
      tile('Revenue', 'revenue', 'money'), tile('Orders', 'orders', 'count'), tile('Average order', 'revenue', 'money', { over: 'orders' }),
      tile('Units', 'units', 'count'), tile('Cancellations', 'cancellations', 'count', { better: 'down' }), tile('Customers', 'customers', 'count'),
    ],
    timeline: { title: 'Revenue', view: 'revenue_5m', time_column: 'window_start', value_column: 'revenue', window_ms: 300_000, unit: 'money' },
    bars: [
      { title: 'Countries', view: 'revenue_5m_country', label_column: 'country', value_column: 'revenue', unit: 'money', time_column: 'window_start', detail_column: 'orders' },
      { title: 'Top products', view: 'top_products', label_column: 'description', value_column: 'revenue', unit: 'money', time_column: null, detail_column: 'units' },
    ],
    feeds: [
      { title: 'Large orders', view: 'large_orders', columns: ['invoice_date', 'invoice_no', 'country', 'units', 'amount'], order: '-invoice_date', kind: 'good' },
      { title: 'Cancellations', view: 'cancellations', columns: ['invoice_date', 'invoice_no', 'country', 'units', 'amount'], order: '-invoice_date', kind: 'bad' },
    ],
  };
}
