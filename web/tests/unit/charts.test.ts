import { describe, expect, it } from 'vitest';
import { bucket, bucket_start, bucket_sizes, choose_bucket, choose_scale, lay_out, points_of, spark_size, trim_to_hours, type Point } from '../../src/charts/series';
import { file_name, to_csv } from '../../src/charts/take';
import { parse_decimal, to_plain, type Decimal } from '../../src/format/decimal';
import { DAY, HOUR, MINUTE, WEEK, parse_time, to_iso } from '../../src/format/time';

const d = (text: string) => parse_decimal(text) as Decimal;
const t = (text: string) => parse_time(text) as number;
const points = (list: [string, string][]): Point[] => points_of(list.map(([time]) => time), list.map(([, value]) => value));

describe('windows', () => {
  it('are summed into coarser ones to the last digit', () => {
    const hours = bucket(points([['2011-12-09T09:00:00', '0.1'], ['2011-12-09T09:05:00', '0.2'], ['2011-12-09T10:00:00', '5']]), HOUR);
    expect(hours.map(({ t: time, value }) => [to_iso(time), to_plain(value)])).toEqual([['2011-12-09T09:00:00', '0.3'], ['2011-12-09T10:00:00', '5']]);
  });

  it('leave the points they were summed from as they were', () => {
    const given = points([['2011-12-09T09:00:00', '1'], ['2011-12-09T09:05:00', '2']]);
    bucket(given, HOUR);
    expect(given.map((point) => to_plain(point.value))).toEqual(['1', '2']);
  });

  it('come in order whatever order they came in', () => {
    expect(points([['2011-12-09T10:00:00', '1'], ['2011-12-09T09:00:00', '2']]).map((point) => to_plain(point.value))).toEqual(['2', '1']);
  });

  it('of a week begin on Monday', () => expect(to_iso(bucket_start(t('2011-12-09T12:50:00'), WEEK))).toBe('2011-12-05T00:00:00'));

  it('are never cut by the step of a spark line, which would leave a gap after each', () => {
    expect(spark_size(10 * HOUR, 5 * MINUTE)).toBe(30 * MINUTE);
    expect(spark_size(10 * HOUR, HOUR)).toBe(HOUR);
    expect(spark_size(10 * HOUR, 20 * MINUTE)).toBe(20 * MINUTE);
    expect(spark_size(7 * DAY, DAY)).toBe(DAY);
    expect(spark_size(374 * DAY, HOUR)).toBe(WEEK);
    expect(spark_size(10 * HOUR, null)).toBe(30 * MINUTE);
  });

  it('are shown in sizes they fit into whole, and not more than can be told apart', () => {
    expect(bucket_sizes(5 * MINUTE, DAY)).toEqual([5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR]);
    expect(choose_bucket(5 * MINUTE, DAY)).toBe(5 * MINUTE);
    expect(choose_bucket(5 * MINUTE, 7 * DAY)).toBe(30 * MINUTE);
    expect(choose_bucket(5 * MINUTE, 374 * DAY)).toBe(DAY);
    expect(choose_bucket(7 * MINUTE, 374 * DAY)).toBe(WEEK);
  });
});

describe('a grid', () => {
  it('has an empty place after the last window before a gap', () => {
    const grid = lay_out([{ label: 'a', look: 'line', colour: 1, points: points([['2011-12-09T09:00:00', '1'], ['2011-12-09T11:00:00', '2']]) }], HOUR);
    expect(grid.values[0]).toEqual([1, null, 2, null]);
  });

  it('lays last week beneath this one', () => {
    const now = { label: 'now', look: 'bars' as const, colour: 1, points: points([['2011-12-09T09:00:00', '1']]) };
    const before = { label: 'before', look: 'quiet' as const, colour: 1, shift_ms: WEEK, points: points([['2011-12-02T09:00:00', '4']]) };
    expect(lay_out([now, before], HOUR).values).toEqual([[1, null], [4, null]]);
  });
});

describe('a scale', () => {
  const usual = Array.from({ length: 30 }, (_, i) => 100 + i);

  it('has zero in it', () => expect(choose_scale([usual], false).min).toBe(0));

  it('is not flattened by one huge order and its cancellation', () => {
    const scale = choose_scale([[...usual, 168_469.6, -168_469.6, null]], false);
    expect(scale.clipped).toBe(true);
    expect(scale.max).toBeLessThan(200);
    expect(scale.min).toBeLessThan(0);
  });

  it('shows everything when asked to', () => expect(choose_scale([[...usual, 168_469.6]], true)).toMatchObject({ clipped: false, min: 0 }));

  it('exists for no values, for zeros and for negative ones', () => {
    for (const values of [[], [0, 0], [null]]) expect(choose_scale([values], false).max).toBeGreaterThan(0);
    const negative = choose_scale([[-5, -9]], false);
    expect(negative.min).toBeLessThan(-9);
  });

  it('of a day is cut to the hours that have data', () => {
    const [from, to] = [t('2011-12-09'), t('2011-12-10')];
    expect(trim_to_hours(from, to, [t('2011-12-09T08:35:00'), t('2011-12-09T17:05:00')], 5 * MINUTE).map(to_iso)).toEqual(['2011-12-09T08:00:00', '2011-12-09T18:00:00']);
    expect(trim_to_hours(from, from + WEEK, [from], HOUR)).toEqual([from, from + WEEK]);
    expect(trim_to_hours(from, to, [], HOUR)).toEqual([from, to]);
  });
});

describe('a CSV', () => {
  it('carries every digit, quotes what must be and disarms formulas', () => {
    expect(to_csv({ head: ['a', 'b'], rows: [['x,"y"', d('1.500')], ['=1+1', null]] })).toBe('a,b\r\n"x,""y""",1.500\r\n\'=1+1,\r\n');
  });
  it('has a name that every system takes', () => expect(file_name('Revenue, by 5 minutes', 'csv')).toBe('revenue-by-5-minutes.csv'));
});
