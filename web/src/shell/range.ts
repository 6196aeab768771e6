// Ranges of event time and what they are compared with. "Today" is the last day that has data, because history may be replayed.

import { DAY, HOUR, WEEK, clock, day, moment, parse_time, start_of_day, to_iso, to_minute, weekday_and_day } from '../format/time';

export const RANGE_KEYS = ['day', '24h', '7d', '30d', 'all', 'custom'] as const;
export type RangeKey = (typeof RANGE_KEYS)[number];

export const RANGE_NAMES: Record<RangeKey, string> = {
  day: 'Last day with data',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
  all: 'All time',
  custom: 'From … to …',
};

export interface Range {
  key: RangeKey;
  from_ms: number;
  /** Exclusive. */
  to_ms: number;
  /** How far there is data in it: the newest event, or the end of a range that lies in the past. Exclusive. */
  known_to_ms: number;
  words: string;
  compare: { shift_ms: number; from_ms: number; to_ms: number; words: string } | null;
}

const SIZES: Partial<Record<RangeKey, number>> = { '24h': DAY, '7d': WEEK, '30d': 30 * DAY };

export function range_key(query: URLSearchParams, standard: RangeKey): RangeKey {
  const asked = query.get('range') as RangeKey | null;
  return asked && RANGE_KEYS.includes(asked) ? asked : standard;
}

/** The range that the address asks for, given how far event time has come. */
export function resolve_range(query: URLSearchParams, first_ms: number, now_ms: number, standard: RangeKey): Range {
  const key = range_key(query, standard);
  const end = now_ms + 1;
  if (key === 'all') return ranged(key, start_of_day(first_ms), end, end);
  if (key === 'custom') {
    const from = parse_time(query.get('from')) ?? start_of_day(now_ms);
    const to = parse_time(query.get('to')) ?? from + DAY;
    return ranged(key, from, Math.max(to, from + 1), end);
  }
  const size = SIZES[key];
  if (size) return ranged(key, Math.ceil((end - size) / HOUR) * HOUR, end, end);
  return ranged(key, start_of_day(now_ms), start_of_day(now_ms) + DAY, end);
}

function ranged(key: RangeKey, from_ms: number, to_ms: number, end: number): Range {
  const known_to_ms = Math.max(from_ms, Math.min(to_ms, end));
  const shift_ms = comparison_shift(key, to_ms - from_ms);
  const range = { key, from_ms, to_ms, known_to_ms, words: range_words(from_ms, to_ms, known_to_ms), compare: null };
  if (shift_ms === null) return range;
  const compare = { shift_ms, from_ms: from_ms - shift_ms, to_ms: known_to_ms - shift_ms };
  return { ...range, compare: { ...compare, words: compare_words(shift_ms) } };
}

/** Up to a week is compared with a week earlier, longer with as many whole weeks earlier, all time with nothing. */
function comparison_shift(key: RangeKey, size_ms: number): number | null {
  if (key === 'all') return null;
  return Math.ceil(size_ms / WEEK) * WEEK;
}

function range_words(from_ms: number, to_ms: number, known_to_ms: number): string {
  const whole_day = from_ms === start_of_day(from_ms) && to_ms - from_ms === DAY;
  if (whole_day) {
    const until = known_to_ms < to_ms ? ` until ${clock(to_minute(known_to_ms - 1))}` : '';
    return `${weekday_and_day(from_ms)} ${new Date(from_ms).getUTCFullYear()}${until}`;
  }
  if (from_ms === start_of_day(from_ms) && (to_ms % DAY === 0 || known_to_ms < to_ms)) return `${day(from_ms)} to ${day(known_to_ms - 1)}`;
  return `${moment(from_ms)} to ${moment(to_minute(known_to_ms))}`;
}

function compare_words(shift_ms: number): string {
  return shift_ms === WEEK ? 'a week earlier' : `${shift_ms / WEEK} weeks earlier`;
}

/** The last window of the range is not over yet and is so long that comparing it with a whole one would mislead. */
export function ends_within_window(range: Range, window_ms: number | null): boolean {
  if (window_ms === null || window_ms < HOUR) return false;
  const window_end = Math.floor((range.known_to_ms - 1) / window_ms) * window_ms + window_ms;
  return window_end > range.known_to_ms;
}

/** The address of the neighbouring range of the same size. */
export function step(range: Range, direction: -1 | 1): { range: string; from: string; to: string } {
  const size = range.key === 'day' || range.to_ms - range.from_ms <= DAY ? DAY : range.to_ms - range.from_ms;
  const from = range.from_ms + direction * size;
  return { range: 'custom', from: to_iso(from), to: to_iso(from + size) };
}

/** The filter that keeps a view's rows within the range. */
export function time_filter(column: string, from_ms: number, to_ms: number): string[] {
  // Both ends are named exactly; sub-second ends (the newest event plus a millisecond) are rounded up so that the event itself is in.
  return [`${column}:gte:${to_iso(from_ms)}`, `${column}:lt:${to_iso(Math.ceil(to_ms / 1000) * 1000)}`];
}
