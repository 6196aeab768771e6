// What a chart draws, before any pixel: windows summed into buckets, gaps kept as gaps, and a scale that a single huge order does not flatten.

import type { Cell } from '../api/types';
import { add, parse_decimal, to_float, type Decimal } from '../format/decimal';
import { DAY, HOUR, MINUTE, WEEK, parse_time } from '../format/time';

export interface Point {
  /** Start of the window, in ms. */
  t: number;
  value: Decimal;
}

export interface ChartSeries {
  label: string;
  points: Point[];
  look: 'bars' | 'line' | 'quiet';
  /** 1 to 6, one of the series colours of the tokens. */
  colour: number;
  /** Added to its own times so that it lies beneath the present; tooltips take it off again. */
  shift_ms?: number;
}

/** Okabe and Ito give no more colours that are told apart at a glance. */
export const SERIES_MAX = 6;
/** More bars than this are no longer told apart on a wide screen. */
const BUCKETS_MAX = 400;
const SIZES = [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, DAY, WEEK];
/** 1970-01-01 was a Thursday; weeks begin on Monday. */
const MONDAY_MS = 4 * DAY;

/** Pairs times with values; rows without either are left out. */
export function points_of(times: readonly Cell[], values: readonly Cell[]): Point[] {
  const points: Point[] = [];
  times.forEach((time, i) => {
    const t = parse_time(time);
    const value = parse_decimal(values[i]);
    if (t !== null && value) points.push({ t, value });
  });
  return points.sort((a, b) => a.t - b.t);
}

/** The sizes in which windows can be shown: their own, and those they fit into whole. */
export function bucket_sizes(window_ms: number, span_ms: number): number[] {
  const fitting = SIZES.filter((size) => size > window_ms && size % window_ms === 0 && size < span_ms);
  return [window_ms, ...fitting];
}

export function choose_bucket(window_ms: number, span_ms: number): number {
  const sizes = bucket_sizes(window_ms, span_ms);
  return sizes.find((size) => span_ms / size <= BUCKETS_MAX) ?? sizes.at(-1) ?? window_ms;
}

/** Few enough that each is seen in the width of a word. */
export const SPARK_POINTS_MAX = 32;
const SPARK_SIZES = [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY, WEEK];

/** The step of a spark line over such a span: never shorter than a window, or there would be a gap after each. */
export function spark_size(span_ms: number, window_ms: number | null): number {
  const whole = window_ms === null ? SPARK_SIZES : [...new Set([window_ms, ...SPARK_SIZES.filter((size) => size >= window_ms && size % window_ms === 0)])];
  return whole.find((size) => span_ms / size <= SPARK_POINTS_MAX) ?? whole.at(-1) ?? WEEK;
}

export function bucket_start(t: number, size_ms: number): number {
  const origin = size_ms === WEEK ? MONDAY_MS : 0;
  return Math.floor((t - origin) / size_ms) * size_ms + origin;
}

/** Exact sums by bucket. Points have to be in order of time. */
export function bucket(points: readonly Point[], size_ms: number): Point[] {
  const out: Point[] = [];
  for (const { t, value } of points) {
    const start = bucket_start(t, size_ms);
    const last = out.at(-1);
    if (last?.t === start) last.value = add(last.value, value);
    else out.push({ t: start, value });
  }
  return out;
}

export interface Grid {
  /** Ascending, in ms. After the last window before a gap stands an empty one, so that nothing is drawn across it. */
  times: number[];
  /** One list a series, as long as `times`; null where there is no window. */
  values: (number | null)[][];
  exact: (Decimal | null)[][];
}

/** Lays several series over one another on common times. */
export function lay_out(series: readonly ChartSeries[], bucket_ms: number): Grid {
  const maps = series.map((one) => new Map(one.points.map((point) => [point.t + (one.shift_ms ?? 0), point.value])));
  const set = new Set<number>();
  for (const map of maps) for (const t of map.keys()) set.add(t).add(t + bucket_ms);
  const times = [...set].sort((a, b) => a - b);
  const exact = maps.map((map) => times.map((t) => map.get(t) ?? null));
  return { times, exact, values: exact.map((list) => list.map((value) => (value ? to_float(value) : null))) };
}

/** A value is out of scale when it is this many times what nine windows out of ten keep to. */
const OUTLIER_TIMES = 5;
const POINTS_FOR_A_JUDGEMENT = 12;

export interface Scale {
  min: number;
  max: number;
  /** Some values lie beyond and are told by a mark and a label instead. */
  clipped: boolean;
}

/** The range of the value axis, always with zero in it. */
export function choose_scale(values: readonly (number | null)[][], full: boolean): Scale {
  const all = values.flat().filter((value): value is number => value !== null);
  const whole = { min: Math.min(0, ...all), max: Math.max(0, ...all) };
  const limit = full ? Infinity : outlier_limit(all);
  const within = all.filter((value) => Math.abs(value) <= limit);
  const min = Math.min(0, ...within);
  const max = Math.max(0, ...within);
  const clipped = min > whole.min || max < whole.max;
  const room = (max - min || 1) * (clipped ? 0.16 : 0.06);
  return { min: min < 0 || whole.min < min ? min - room : 0, max: max > 0 || min === 0 ? max + room : 0, clipped };
}

function outlier_limit(values: readonly number[]): number {
  const sizes = values.map(Math.abs).filter((size) => size > 0).sort((a, b) => a - b);
  if (sizes.length < POINTS_FOR_A_JUDGEMENT) return Infinity;
  const usual = sizes[Math.floor((sizes.length - 1) * 0.9)] ?? 0;
  const largest = sizes.at(-1) ?? 0;
  return largest > usual * OUTLIER_TIMES ? usual * OUTLIER_TIMES : Infinity;
}

/** The time axis of a single day is cut to the hours that have data, so that the night does not take half the picture. */
export function trim_to_hours(from_ms: number, to_ms: number, times: readonly number[], bucket_ms: number): [number, number] {
  if (to_ms - from_ms > DAY || times.length === 0) return [from_ms, to_ms];
  const first = Math.floor(Math.min(...times) / HOUR) * HOUR;
  const last = Math.ceil((Math.max(...times) + bucket_ms) / HOUR) * HOUR;
  return [Math.max(from_ms, first), Math.min(to_ms, Math.max(last, first + HOUR))];
}
