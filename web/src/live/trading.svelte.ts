// The live picture of the shop: what the dashboard asks for, over the chosen range and the same time a week before.
//
// The course of the timeline's view follows its live feed row by row; every other figure is asked again when something changed, at most
// once a second, so that sums are always those of the warehouse.

import { untrack } from 'svelte';
import { api, live_rows_address } from '../api/client';
import type { Bars, Dashboard, Feed, LiveRows, Row, RowsPage, Tile, Timeline, View } from '../api/types';
import { is_time, type_of } from '../format/cell';
import { parse_time } from '../format/time';
import { resolve_range, time_filter, type Range } from '../shell/range';
import { route } from '../shell/route.svelte';
import { connection } from './connection.svelte';
import { apply, course_of, type Course } from './course';
import { Painter, Refresher } from './pace';
import { resource, type Resource } from './resource.svelte';
import { shop } from './shop.svelte';
import { follow } from './stream.svelte';

/** As many windows as one answer may hold. */
const WINDOWS_MAX = 100_000;
const BARS_SHOWN = 10;
const FEED_SHOWN = 8;

/** A category that the picture is narrowed to. */
export interface Pick {
  bars: Bars;
  value: string;
}

/** Where a figure is taken from: its own view or, narrowed, the view of the picked bars. */
export interface Origin {
  view: string;
  time_column: string;
  where: string[];
  narrowed: boolean;
}

export interface TileFigures {
  now: Row;
  before: Row | null;
}

export interface Picture {
  readonly dashboard: Dashboard | null;
  readonly range: Range | null;
  readonly pick: Pick | null;
  readonly now: Resource<Course>;
  readonly before: Resource<Course | null>;
  readonly figures: Resource<Map<string, TileFigures>>;
  readonly courses: Resource<Map<string, Course>>;
  readonly bars: Resource<Row[][]>;
  readonly feeds: Resource<RowsPage[]>;
}

export function origin_key(origin: Origin): string {
  return JSON.stringify([origin.view, origin.time_column, origin.where]);
}

function can_narrow(pick: Pick | null, columns: string[]): boolean {
  const view = pick && view_named(pick.bars.view);
  return view !== null && view !== undefined && columns.every((name) => view.columns.some((column) => column.name === name));
}

function view_named(name: string): View | undefined {
  return shop.views.find((view) => view.name === name);
}

export function origin_of(thing: Tile | Timeline, pick: Pick | null): Origin {
  const columns = 'column' in thing ? [thing.column, ...(thing.over ? [thing.over] : [])] : [thing.value_column];
  if (pick?.bars.time_column && can_narrow(pick, columns)) {
    return { view: pick.bars.view, time_column: pick.bars.time_column, where: [`${pick.bars.label_column}:eq:${pick.value}`], narrowed: true };
  }
  return { view: thing.view, time_column: thing.time_column, where: [], narrowed: false };
}

function read_pick(dashboard: Dashboard | null, text: string | null): Pick | null {
  if (!dashboard || text === null) return null;
  const [view, column, ...rest] = text.split(':');
  const bars = dashboard.bars.find((one) => one.view === view && one.label_column === column);
  return bars ? { bars, value: rest.join(':') } : null;
}

/** What is asked for changes only with this, not with every event that moves "now". */
function range_identity(range: Range | null): string {
  if (!range) return '';
  if (shop.is_timeless) return 'timeless';
  return range.key === 'custom' || range.key === 'day' ? `${range.key}:${range.from_ms}:${range.to_ms}` : range.key;
}

export function open_trading(): Picture {
  const dashboard = $derived(shop.dashboard.data);
  const range = $derived.by(() => {
    const now = shop.event_now_ms;
    if (now === null) return shop.is_timeless ? resolve_range(new URLSearchParams({ range: 'all' }), 0, Date.now(), 'all') : null;
    return resolve_range(route.query, shop.event_first_ms ?? now, now, 'day');
  });
  const pick = $derived(read_pick(dashboard, route.query.get('pick')));
  const stable = $derived(JSON.stringify([range_identity(range), pick && [pick.bars.view, pick.value], dashboard !== null, shop.views.length]));

  /** Asks with the range of this moment, but is only asked anew when something was chosen. */
  function ask<T>(fetch: (all: { dashboard: Dashboard; range: Range; pick: Pick | null }, signal: AbortSignal) => Promise<T>) {
    const key = stable;
    return untrack(() => {
      const all = dashboard && range ? { dashboard, range, pick } : null;
      return all ? { key, fetch: (signal: AbortSignal) => fetch(all, signal) } : null;
    });
  }

  const now = resource(() => ask(load_timeline));
  const before = resource(() => ask(load_timeline_before));
  const figures = resource(() => ask(load_figures));
  const courses = resource(() => ask(load_courses));
  const bars = resource(() => ask(load_bars));
  const feeds = resource(() => ask(load_feeds));

  // Rows without a key cannot be told apart, so such a course is fetched as a whole.
  const keyless = () => now.data !== null && now.data.key.length === 0;
  const refresher = new Refresher(() => Promise.all([figures.again(), bars.again(), feeds.again(), ...(keyless() ? [now.again()] : [])]));
  const slow_refresher = new Refresher(() => courses.again(), 10_000, 3_000);
  const waiting: LiveRows[] = [];
  const painter = new Painter(() => paint());

  function paint(): void {
    if (!now.data) return;
    if (keyless()) return void (waiting.length = 0);
    const wanted = untrack(() => pick);
    const column = wanted?.bars.label_column;
    const narrowed = dashboard?.timeline ? origin_of(dashboard.timeline, wanted).narrowed : false;
    const from = range?.from_ms ?? -Infinity;
    const to = range?.to_ms ?? Infinity;
    const time_column = now.data.time_column;
    let course = now.data;
    for (const change of waiting.splice(0)) {
      course = apply(course, change, (row) => {
        const t = parse_time(row[time_column]);
        return t !== null && t >= from && (t < to || range?.key !== 'custom') && (!narrowed || String(row[column ?? '']) === wanted?.value);
      });
    }
    now.data = course;
  }

  follow(() => {
    const timeline = dashboard?.timeline;
    if (!timeline) return null;
    const { view } = origin_of(timeline, pick);
    return {
      address: live_rows_address(view),
      on_open: (resumed) => {
        // The feed begins where the warehouse stood when it was opened, so rows fetched after that miss nothing.
        if (!resumed) untrack(() => void now.again());
      },
      on_event: ({ event, data }) => {
        if (event === 'reset') void now.again();
        if (event !== 'rows') return;
        const change = JSON.parse(data) as LiveRows;
        shop.hear_event_time(change.event_time_ms);
        if (change.upserts.length === 0 && change.deletes.length === 0) return;
        waiting.push(change);
        painter.request();
        refresher.changed();
        slow_refresher.changed();
      },
    };
  });
  $effect(() => () => {
    painter.stop();
    refresher.stop();
    slow_refresher.stop();
  });
  $effect(() => {
    if (now.data && waiting.length > 0) painter.request();
  });
  $effect(() => {
    if (!connection.resting) {
      // What was missed while nobody looked.
      untrack(() => refresher.changed());
      return;
    }
    for (const brake of [painter, refresher, slow_refresher]) brake.stop();
  });

  return {
    get dashboard() { return dashboard; },
    get range() { return range; },
    get pick() { return pick; },
    now, before, figures, courses, bars, feeds,
  };
}

type Asked = { dashboard: Dashboard; range: Range; pick: Pick | null };

async function load_course(origin: Origin, columns: string[], from_ms: number, to_ms: number, signal: AbortSignal): Promise<Course> {
  const key = view_named(origin.view)?.key ?? [];
  const wanted = [...new Set([origin.time_column, ...key, ...columns])];
  const where = [...origin.where, ...time_filter(origin.time_column, from_ms, to_ms)];
  const page = await api.columns(origin.view, { columns: wanted, where, order: `-${origin.time_column}`, limit: WINDOWS_MAX }, signal);
  return course_of(page, key, origin.time_column);
}

async function load_timeline({ dashboard, range, pick }: Asked, signal: AbortSignal): Promise<Course> {
  const timeline = dashboard.timeline;
  if (!timeline) return { key: [], time_column: '', columns: [], rows: new Map(), cut: false, watermark_ms: null };
  return load_course(origin_of(timeline, pick), [timeline.value_column], range.from_ms, range.to_ms, signal);
}

async function load_timeline_before({ dashboard, range, pick }: Asked, signal: AbortSignal): Promise<Course | null> {
  const timeline = dashboard.timeline;
  if (!timeline || !range.compare) return null;
  const from = range.compare.from_ms;
  return load_course(origin_of(timeline, pick), [timeline.value_column], from, from + (range.to_ms - range.from_ms), signal);
}

/** Tiles that are taken from the same rows are asked for together. */
function group_tiles(dashboard: Dashboard, pick: Pick | null): { origin: Origin; columns: string[] }[] {
  const groups = new Map<string, { origin: Origin; columns: string[] }>();
  for (const tile of dashboard.tiles) {
    const origin = origin_of(tile, pick);
    const group = groups.get(origin_key(origin)) ?? { origin, columns: [] };
    for (const column of [tile.column, tile.over]) if (column && !group.columns.includes(column)) group.columns.push(column);
    groups.set(origin_key(origin), group);
  }
  return [...groups.values()];
}

async function load_figures({ dashboard, range, pick }: Asked, signal: AbortSignal): Promise<Map<string, TileFigures>> {
  const loaded = await Promise.all(
    group_tiles(dashboard, pick).map(async ({ origin, columns }) => {
      const ask = async (from_ms: number, to_ms: number) => {
        const where = [...origin.where, ...time_filter(origin.time_column, from_ms, to_ms)];
        return (await api.summary(origin.view, { sum: columns, where }, signal)).rows[0] ?? {};
      };
      const [now, before] = await Promise.all([
        // To the end of the range like the chart and the bars: what arrives while this is asked counts on all of them.
        ask(range.from_ms, range.to_ms),
        range.compare ? ask(range.compare.from_ms, range.compare.to_ms) : Promise.resolve(null),
      ]);
      return [origin_key(origin), { now, before }] as const;
    }),
  );
  return new Map(loaded);
}

async function load_courses({ dashboard, range, pick }: Asked, signal: AbortSignal): Promise<Map<string, Course>> {
  const loaded = await Promise.all(
    group_tiles(dashboard, pick).map(async ({ origin, columns }) => {
      return [origin_key(origin), await load_course(origin, columns, range.from_ms, range.to_ms, signal)] as const;
    }),
  );
  return new Map(loaded);
}

function load_bars({ dashboard, range }: Asked, signal: AbortSignal): Promise<Row[][]> {
  return Promise.all(
    dashboard.bars.map(async (bars) => {
      const sum = [bars.value_column, ...(bars.detail_column && is_summed(bars, bars.detail_column) ? [bars.detail_column] : [])];
      const where = bars.time_column ? time_filter(bars.time_column, range.from_ms, range.to_ms) : [];
      const query = { sum, where, group: bars.label_column, order: `-${bars.value_column}`, limit: BARS_SHOWN };
      return (await api.summary(bars.view, query, signal)).rows;
    }),
  );
}

function is_summed(bars: Bars, column: string): boolean {
  return /^(INT|BIGINT|DECIMAL|DOUBLE|FLOAT)/i.test(type_of(view_named(bars.view)?.columns ?? [], column));
}

/** The column a feed is ordered by, where it is a time: only what happened within the range is shown. */
export function feed_time_column(feed: Feed): string | null {
  const column = feed.order.replace(/^-/, '').split(',')[0] ?? '';
  return is_time(type_of(view_named(feed.view)?.columns ?? [], column)) ? column : null;
}

function load_feeds({ dashboard, range }: Asked, signal: AbortSignal): Promise<RowsPage[]> {
  return Promise.all(
    dashboard.feeds.map((feed) => {
      const time_column = feed_time_column(feed);
      const where = time_column ? time_filter(time_column, range.from_ms, range.to_ms) : [];
      return api.rows(feed.view, { where, order: feed.order, limit: FEED_SHOWN }, signal);
    }),
  );
}
