import { describe, expect, it } from 'vitest';
import { is_moment, record_time, sought_time } from '../../src/pages/topics/record_time';
import { DAY, MINUTE, clock, duration, from_zone, in_zone, parse_time, short_moment, to_iso, utc_hint, window_words, zone_offset_ms } from '../../src/format/time';
import { ends_within_window, resolve_range, step, time_filter } from '../../src/shell/range';

const at = (text: string): number => {
  const ms = parse_time(text);
  if (ms === null) throw new Error(text);
  return ms;
};

describe('times', () => {
  it('are read as the server writes them, and nothing else is', () => {
    expect(to_iso(at('2011-12-09T09:15:00'))).toBe('2011-12-09T09:15:00');
    expect(at('2011-12-09T09:15:00.123456')).toBe(at('2011-12-09T09:15:00') + 123);
    expect(at('2011-12-09')).toBe(at('2011-12-09T00:00:00'));
    for (const text of ['', '581483', '2011', '2011-13-01', 'x2011-12-09', 20111209]) expect(parse_time(text)).toBeNull();
  });

  it('read well', () => {
    expect(short_moment(at('2011-12-09T09:15:00'))).toBe('Fri 9 Dec, 09:15');
    expect(clock(at('2011-12-09T09:15:07'))).toBe('09:15:07');
    expect([250, 4_200, 59_000, 600_000, 90_000_000, 86_400_000 * 400].map(duration)).toEqual(['250 ms', '4.2 s', '59 s', '10 min', '1 d 1 h', '400 d']);
    expect([300_000, 3_600_000, 86_400_000, 7_200_000].map(window_words)).toEqual(['5 minutes', 'hour', 'day', '2 hours']);
  });

  it('find the UTC moment through the zone, also in summer', () => {
    expect(zone_offset_ms(at('2011-07-01T12:00:00'), 'Europe/London')).toBe(3_600_000);
    expect(zone_offset_ms(at('2011-12-09T12:00:00'), 'Europe/London')).toBe(0);
    expect(utc_hint(at('2011-07-01T12:00:00'), 'Europe/London')).toContain('2011-07-01 11:00 UTC');
    expect(utc_hint(0, 'No/Where')).toBe('No/Where');
    expect(utc_hint(0, null)).toBe("the shop's local time");
  });
});

describe('the time of a record', () => {
  it('is brought to the clock of the shop where it is a moment of the world', () => {
    const noon = at('2026-07-01T12:00:00');
    expect([in_zone(noon, 'Europe/Berlin'), in_zone(noon, null), in_zone(noon, 'No/Where')].map(to_iso)).toEqual(['2026-07-01T14:00:00', '2026-07-01T12:00:00', '2026-07-01T12:00:00']);
    expect(from_zone(in_zone(noon, 'America/New_York'), 'America/New_York')).toBe(noon);
    expect(record_time({ kind: 'clients', event_time: null }, noon, 'Europe/Berlin')).toBe('1 Jul 2026, 14:00');
    expect(record_time({ kind: 'source', event_time: 'sold_at' }, noon, 'Europe/Berlin')).toBe('1 Jul 2026, 12:00');
    expect(to_iso(sought_time({ kind: 'dead_letter', event_time: null }, noon, 'Europe/Berlin'))).toBe('2026-07-01T10:00:00');
    expect(is_moment({ kind: 'rows', event_time: null })).toBe(false);
  });
});

describe('a range', () => {
  const now = at('2011-12-09T12:50:00');
  const first = at('2010-12-01T08:26:00');
  const of = (query: string) => resolve_range(new URLSearchParams(query), first, now, 'day');

  it('is the last day with data unless another is asked for, and compared with the same time a week before', () => {
    const range = of('');
    expect([to_iso(range.from_ms), to_iso(range.to_ms)]).toEqual(['2011-12-09T00:00:00', '2011-12-10T00:00:00']);
    expect(to_iso(range.compare?.from_ms ?? 0)).toBe('2011-12-02T00:00:00');
    expect(to_iso(range.compare?.to_ms ?? 0)).toBe('2011-12-02T12:50:00');
    expect(range.words).toBe('Friday 9 December 2011 until 12:50');
  });

  it('holds the newest event', () => {
    const range = of('range=all');
    expect(time_filter('t', range.from_ms, range.to_ms)).toEqual(['t:gte:2010-12-01T00:00:00', 't:lt:2011-12-09T12:50:01']);
    expect(range.compare).toBeNull();
  });

  it('slides by whole hours', () => expect(to_iso(of('range=24h').from_ms)).toBe('2011-12-08T13:00:00'));

  it('of a month is compared with whole weeks before', () => expect(of('range=30d').compare?.words).toBe('5 weeks earlier'));

  it('that lies in the past is known to its end', () => {
    const range = of('range=custom&from=2011-12-01T00:00:00&to=2011-12-02T00:00:00');
    expect(range.known_to_ms).toBe(range.to_ms);
    expect(range.words).toBe('Thursday 1 December 2011');
  });

  it('survives an address that makes no sense', () => {
    expect(of('range=nonsense').key).toBe('day');
    const backwards = of('range=custom&from=2011-12-09T00:00:00&to=2011-12-01T00:00:00');
    expect(backwards.to_ms).toBeGreaterThan(backwards.from_ms);
  });

  it('is told apart from one whose last window is over', () => {
    expect(ends_within_window(of(''), DAY)).toBe(true);
    expect(ends_within_window(of(''), 5 * MINUTE)).toBe(false);
    expect(ends_within_window(of('range=custom&from=2011-12-01T00:00:00&to=2011-12-03T00:00:00'), DAY)).toBe(false);
    expect(ends_within_window(of(''), null)).toBe(false);
  });

  it('steps by its own size', () => expect(step(of(''), -1)).toEqual({ range: 'custom', from: '2011-12-08T00:00:00', to: '2011-12-09T00:00:00' }));
});
