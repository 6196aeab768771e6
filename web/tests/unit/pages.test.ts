import { describe, expect, it } from 'vitest';
import type { Pipeline, PipelineNode, View } from '../../src/api/types';
import { groups_of, schemas_of, type_words } from '../../src/pages/docs/openapi';
import { protocol_words, state_words } from '../../src/pages/groups/state';
import { lay_out_pipeline } from '../../src/pages/pipeline/layout';
import { preview } from '../../src/pages/topics/preview';
import { missing_words } from '../../src/pages/topics/search_words';
import { why_no_chart } from '../../src/pages/trading/no_chart';
import { bar_labels } from '../../src/pages/views/bar_labels';
import { condition_words, format_condition, ops_of, parse_condition, typed_value } from '../../src/pages/views/filter';
import { short_json } from '../../src/parts/json';
import { split_sql } from '../../src/parts/sql';
import { rank } from '../../src/shell/places';
import { sides_with_more } from '../../src/shell/scrollers';

const node = (id: string): PipelineNode => ({
  id, kind: id.split(':')[0] as PipelineNode['kind'], name: id, phase: 'idle', error: null, note: null, rate_per_s: 0, total: 0, behind: 0, watermark_ms: null, progress: null, detail: [],
});
const pipeline = (ids: string[], edges: [string, string][]): Pipeline => ({ nodes: ids.map(node), edges: edges.map(([from, to]) => ({ from, to, stalled: false })) });

describe('the drawing of a pipeline', () => {
  const drawn = lay_out_pipeline(
    pipeline(['source:a', 'topic:a', 'query:b', 'topic:b', 'sink:b', 'sink:raw'], [['source:a', 'topic:a'], ['topic:a', 'query:b'], ['query:b', 'topic:b'], ['topic:b', 'sink:b'], ['topic:a', 'sink:raw']]),
    1200,
  );
  const column = (id: string) => drawn.placed.find((one) => one.node.id === id)?.column;

  it('runs from left to right, sinks at the right edge', () => {
    expect(['source:a', 'topic:a', 'query:b', 'topic:b', 'sink:b', 'sink:raw'].map(column)).toEqual([0, 1, 2, 3, 4, 4]);
  });

  it('lets no two stages touch', () => {
    for (const a of drawn.placed) for (const b of drawn.placed) if (a !== b && a.column === b.column) expect(Math.abs(a.y - b.y)).toBeGreaterThan(a.height);
  });

  it('gives a wire that passes a stage a way of its own', () => {
    const wire = drawn.wires.find((one) => one.to === 'sink:raw');
    expect(wire?.path.match(/C/g)?.length).toBe(3);
  });

  it('draws a chain of stages on one level, beside a wire that passes them', () => {
    const y = (id: string) => { const one = drawn.placed.find(({ node }) => node.id === id); return one && one.y + one.height / 2; };
    expect(y('query:b')).toBe(y('sink:b'));
    expect(y('topic:b')).toBe(y('sink:b'));
  });

  it('keeps what two hundred queries read on the first screen', () => {
    const queries = Array.from({ length: 200 }, (_, i) => `query:q${i}`);
    const { placed, height } = lay_out_pipeline(pipeline(['source:s', 'topic:s', ...queries], [['source:s', 'topic:s'], ...queries.map((id): [string, string] => ['topic:s', id])]), 1200);
    expect(height).toBeGreaterThan(9_000);
    for (const one of placed.filter(({ column }) => column < 2)) expect(one.y + one.height).toBeLessThan(600);
    expect(Math.max(...placed.map((one) => one.y + one.height))).toBeLessThanOrEqual(height);
  });

  it('crosses no wires that need not cross, in whatever order stages are named', () => {
    const names = ['one', 'two', 'three', 'four', 'five', 'six'];
    const ids = ['source:s', 'topic:s', ...names.map((name) => `query:${name}`), ...[...names].sort().map((name) => `topic:${name}`), ...names.map((name) => `sink:${name}`)];
    const edges = names.flatMap((name): [string, string][] => [['topic:s', `query:${name}`], [`query:${name}`, `topic:${name}`], [`topic:${name}`, `sink:${name}`]]);
    const { placed } = lay_out_pipeline(pipeline(ids, [['source:s', 'topic:s'], ...edges]), 1200);
    const order = (kind: string) => placed.filter(({ node }) => node.kind === kind).sort((a, b) => a.y - b.y).map(({ node }) => node.name.split(':')[1]);
    expect(order('topic').filter((name) => name !== 's')).toEqual(order('query'));
    expect(order('sink')).toEqual(order('query'));
  });

  it('fits a wide screen without becoming small, with a level more as well', () => {
    const ids = (levels: number) => ['source:s', ...Array.from({ length: levels }, (_, i) => [`topic:t${i}`, `query:q${i}`]).flat(), 'topic:last', 'sink:z'];
    const width_of = (levels: number) => lay_out_pipeline(pipeline(ids(levels), ids(levels).slice(1).map((id, i): [string, string] => [ids(levels)[i] ?? '', id])), 1192).width;
    expect(width_of(1)).toBeLessThanOrEqual(1192);
    expect(1192 / width_of(2)).toBeGreaterThan(0.85);
    expect(1192 / width_of(3)).toBeGreaterThan(0.66);
  });

  it('survives a circle, an edge to nowhere and nothing at all', () => {
    expect(lay_out_pipeline(pipeline(['query:a', 'query:b'], [['query:a', 'query:b'], ['query:b', 'query:a']]), 800).placed).toHaveLength(2);
    expect(lay_out_pipeline(pipeline(['query:a'], [['query:a', 'sink:none']]), 800).wires[0]?.path).toBe('');
    expect(lay_out_pipeline(pipeline([], []), 800).placed).toEqual([]);
  });
});

describe('a condition', () => {
  it('goes into the address and back, colons in its value included', () => {
    for (const text of ['t:gte:2011-12-09T09:15:00', 'country:eq:United Kingdom', 'x:isnull']) expect(format_condition(parse_condition(text))).toBe(text);
  });
  it('reads as a sentence', () => expect(condition_words(parse_condition('t:gte:2011-12-09T09:15:00'))).toBe('t ≥ 2011-12-09 09:15:00'));
  it('offers what the type allows', () => {
    expect(ops_of({ name: 'a', type: 'STRING' }).map(({ op }) => op)).toContain('like');
    expect(ops_of({ name: 'a', type: 'DECIMAL(9,2)' }).map(({ op }) => op)).toContain('gte');
  });
  it('completes what was typed', () => {
    expect(typed_value('like', 'mug', undefined)).toBe('%mug%');
    expect(typed_value('gte', '2011-12-09T09:15', { name: 't', type: 'TIMESTAMP' })).toBe('2011-12-09T09:15:00');
  });
});

const view = (name: string, window_ms: number | null, key: string[], columns: string): View => ({
  name, materialized: true, kind: 'upserts', key, window_ms, time_column: window_ms === null ? null : 'window_start', rows: 1, topic: name, query: name, sql: '', source_file: 'a.sql', source_line: 1,
  columns: columns.split('; ').map((text) => ({ name: text.split(' ')[0] ?? '', type: text.split(' ')[1] ?? '', nullable: true })),
});

describe('a first page without a chart', () => {
  const by_branch = view('by_branch_1h', 3_600_000, ['window_start', 'branch'], 'window_start TIMESTAMP; branch STRING; takings DECIMAL(30,2)');
  it('says which key is in the way, and what to write', () => {
    const hint = why_no_chart([view('by_branch', null, ['branch'], 'branch STRING; takings DECIMAL(30,2)'), by_branch]);
    expect(hint?.why).toBe('by_branch_1h has windows, but is grouped by branch as well, so that it has several rows a window.');
    expect(hint?.sql).toBe("CREATE MATERIALIZED VIEW takings_1_hour AS\nSELECT window.start AS window_start, sum(…) AS takings\nFROM … GROUP BY window(…, '1 hour');");
  });
  it('says when there are no windows, or nothing to draw', () => {
    expect(why_no_chart([])?.why).toContain('No view');
    expect(why_no_chart([])?.sql).toContain("'5 minutes'");
    expect(why_no_chart([by_branch, view('visits', 60_000, ['window_start', 'window_end'], 'window_start TIMESTAMP; window_end TIMESTAMP; visits BIGINT')])?.why).toContain('visits has windows and no other key, but no DECIMAL');
  });
  it('says nothing where such a view is there: then it was not wanted', () => {
    expect(why_no_chart([by_branch, view('all', 60_000, ['window_start'], 'window_start TIMESTAMP; takings DECIMAL(30,2)')])).toBeNull();
  });
});

describe('the labels of bars', () => {
  const text = (value: unknown) => (value === null || value === undefined ? '(none)' : String(value));
  it('hold every key, so that no two are the same', () => {
    const rows = [{ size: 'large', branch: 'north', year: 2024 }, { size: 'large', branch: null, year: 2024 }];
    expect(bar_labels(rows, 'size', ['size', 'branch', 'year'], null, text)).toEqual(['large · north · 2024', 'large · (none) · 2024']);
    expect(bar_labels(rows, 'branch', ['branch'], 'branch', text)).toEqual(['north', '(none)']);
  });
  it('are titles where there is one, and of two that are equal the keys as well', () => {
    const rows = [{ code: 'A1', title: 'Mug' }, { code: 'A2', title: 'Mug' }, { code: 'A3', title: 'Cup' }];
    expect(bar_labels(rows, 'title', ['code'], 'code', text)).toEqual(['Mug · A1', 'Mug · A2', 'Cup']);
  });
});

describe('what is wider than its place', () => {
  it('goes on to the sides where something is hidden', () => {
    expect([sides_with_more(0, 300, 300), sides_with_more(0, 300, 700), sides_with_more(200, 300, 700), sides_with_more(400, 300, 700)]).toEqual(['', 'right', 'left right', 'left']);
    expect(sides_with_more(0.4, 300, 300.6)).toBe('');
  });
});

describe('the state of a group', () => {
  it('is told in words, and one that is not known as it is', () => {
    expect([state_words('Stable').word, state_words('Empty').word, state_words('Unheard').word]).toEqual(['reads', 'nobody is in it', 'Unheard']);
    expect([protocol_words('consumer'), protocol_words('classic'), protocol_words('')]).toEqual(['consumer, the broker assigns', 'classic, a member assigns', '–']);
  });
});

describe('the palette', () => {
  const places = ['revenue_5m', 'revenue_5m_by_country', 'top_products'].map((word) => ({ word, kind: 'view', href: word }));
  it('finds by part and by letters, the closest first', () => {
    expect(rank(places, 'rev').map((place) => place.word)).toEqual(['revenue_5m', 'revenue_5m_by_country']);
    expect(rank(places, 'tpp')[0]?.word).toBe('top_products');
    expect(rank(places, 'zzz')).toEqual([]);
    expect(rank(places, '')).toHaveLength(3);
  });
});

describe('SQL', () => {
  it('is split without losing a letter', () => {
    const sql = "SELECT 'it''s', 1.5 -- why\nFROM t /* x */ WHERE a <> 'b'";
    const pieces = split_sql(sql);
    expect(pieces.map((piece) => piece.text).join('')).toBe(sql);
    expect(pieces.filter((piece) => piece.kind === 'text').map((piece) => piece.text)).toEqual(["'it''s'", "'b'"]);
    expect(pieces.find((piece) => piece.kind === 'comment')?.text).toBe('-- why');
  });
});

describe('an OpenAPI document', () => {
  const document = {
    paths: {
      '/api/v1/views/{name}': { get: { tags: ['views'], summary: 'One', parameters: [{ name: 'name', in: 'path', required: true, schema: { type: 'string' } }], responses: { 200: { description: 'ok', content: { 'application/json': { schema: { $ref: '#/components/schemas/View' } } } } } } },
    },
    components: { schemas: { View: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, key: { type: ['array', 'null'], items: { type: 'string' } } } } } },
  };
  it('is read into groups, parameters and shapes', () => {
    const [group] = groups_of(document);
    expect(group?.name).toBe('views');
    expect(group?.operations[0]).toMatchObject({ method: 'GET', fields: [{ name: 'name', required: true }], answers: [{ status: '200', schema: 'View' }] });
    expect(schemas_of(document)[0]?.fields.map((field) => field.type)).toEqual(['string', 'list of string or null']);
  });
  it('may leave things out', () => {
    expect(groups_of({})).toEqual([]);
    expect(type_words(undefined)).toBe('');
  });
});

describe('JSON to be read', () => {
  it('keeps on a line what fits one, and stays JSON', () => {
    const schema = { type: 'record', fields: Array.from({ length: 5 }, (_, i) => ({ name: `column_${i}`, type: ['null', 'string'] })) };
    const text = short_json(schema);
    expect(JSON.parse(text)).toEqual(schema);
    expect(text.split('\n')).toContain('    { "name": "column_0", "type": ["null", "string"] },');
    expect(short_json(null)).toBe('null');
  });
});

describe('the value of a record on a line', () => {
  it('is a row by its columns, and anything else as it is', () => {
    expect(preview({ shop: 'north', amount: '2.50', note: null })).toEqual([['shop', 'north'], ['amount', '2.50']]);
    expect(preview({ order: { lines: [1, 2] } })).toEqual([['order', '{"lines":[1,2]}']]);
    expect(preview('gr\u00fcn')).toEqual([['', 'gr\u00fcn']]);
    expect([preview(''), preview(0), preview(false), preview([1, 2])]).toEqual([[['', '']], [['', '0']], [['', 'false']], [['', '[1,2]']]]);
    const rejected = { stage: 'source:s', file: 'a.csv', line: 7, column: 'price', reason: '`x` is not a value', row: 'a;x', failed_at: '2026-01-01T00:00:00' };
    expect(preview(rejected).map(([name]) => name)).toEqual(['reason', 'column', 'row', 'stage', 'file', 'line', 'failed_at']);
    expect(preview({ ...rejected, column: null }).map(([name]) => name).slice(0, 2)).toEqual(['reason', 'row']);
    expect(preview({ row: 1, reason: 'sold out', id: 3 }).map(([name]) => name)).toEqual(['row', 'reason', 'id']);
    expect(preview({ bytes: 5, base64: 'AP8BAgM=' })).toEqual([['', '5 B that are no text']]);
  });
});

describe('a search that found nothing', () => {
  const progress = (missing_field: { name: string; records: number; cure: string } | null) => ({
    state: 'complete' as const, matches: 0, records: 0, bytes_total: 0, bytes_read: 0, bytes_skipped: 0, filter_bytes: 0, blocks_read: 0, blocks_skipped: 0, blocks_damaged: 0, missing_field,
  });

  it('says which field is not there, and what there is', () => {
    expect(missing_words(progress(null))).toBe('');
    expect(missing_words(progress({ name: 'country', records: 1000, cure: 'did you mean `Country`?' }))).toBe(' The newest 1,000 records have no field country: did you mean Country?');
    expect(missing_words(progress({ name: 'x', records: 1, cure: 'members there are `a`, `b`' }))).toBe(' The newest record has no field x: members there are a, b.');
  });
});
