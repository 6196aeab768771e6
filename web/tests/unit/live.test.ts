import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ColumnsPage, LiveRows } from '../../src/api/types';
import { apply, course_of, points } from '../../src/live/course';
import { EventParser } from '../../src/live/event_stream';
import { Painter, Refresher } from '../../src/live/pace';
import { to_plain } from '../../src/format/decimal';

describe('events', () => {
  it('are read however the bytes were cut', () => {
    const text = ': keep\n\nid: 3,4\nevent: rows\ndata: {"a":\ndata: 1}\n\nevent: reset\ndata: {}\n\n';
    for (let cut = 1; cut < text.length; cut += 1) {
      const parser = new EventParser();
      const events = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))];
      expect(events).toEqual([
        { event: 'rows', data: '{"a":\n1}', id: '3,4' },
        { event: 'reset', data: '{}', id: '3,4' },
      ]);
    }
  });

  it('may end their lines as Windows does', () => expect(new EventParser().push('event: a\r\ndata: 1\r\n\r\n')).toEqual([{ event: 'a', data: '1', id: null }]));

  it('without data are none', () => expect(new EventParser().push('event: a\n\nid: 5\n\n')).toEqual([]));
});

describe('a course', () => {
  const page: ColumnsPage = {
    columns: [{ name: 'w', type: 'TIMESTAMP' }, { name: 'c', type: 'STRING' }, { name: 'v', type: 'DECIMAL(9,2)' }],
    data: { w: ['2011-12-09T09:00:00', '2011-12-09T09:00:00'], c: ['UK', 'France'], v: ['1.10', '2.20'] },
    total: 2, offset: 0, limit: 10, committed: { epoch: 1, complete: false, live_id: null, watermark_ms: 5 },
  };
  const change = (upserts: LiveRows['upserts'], deletes: string[] = []): LiveRows => ({ upserts, deletes, watermark_ms: 9, event_time_ms: 9 });

  it('takes a changed row in the place of the old one, and a new one beside it', () => {
    const before = course_of(page, ['w', 'c'], 'w');
    const after = apply(before, change([{ _key: 'any', w: '2011-12-09T09:00:00', c: 'UK', v: '5.00', other: 1 }, { _key: 'any', w: '2011-12-09T09:05:00', c: 'UK', v: '7.00' }]), () => true);
    expect(points(after, 'v').map((point) => to_plain(point.value))).toEqual(['5.00', '2.20', '7.00']);
    expect(after.watermark_ms).toBe(9);
  });

  it('loses a row whose key is deleted, in whatever order the key names its columns', () => {
    const after = apply(course_of(page, ['w', 'c'], 'w'), change([], ['{"c":"France","w":"2011-12-09T09:00:00"}']), () => true);
    expect(after.rows.size).toBe(1);
  });

  it('refuses what is not of its picture', () => {
    const after = apply(course_of(page, ['w', 'c'], 'w'), change([{ _key: 'x', w: '2011-12-09T09:05:00', c: 'Norway', v: '1.00' }]), (row) => row.c === 'UK');
    expect(after.rows.size).toBe(2);
  });

  it('knows when there is more than it holds', () => expect(course_of({ ...page, total: 3 }, [], 'w').cut).toBe(true));
});

describe('pace', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('paints at most ten times a second', async () => {
    const paint = vi.fn();
    const painter = new Painter(paint);
    for (let ms = 0; ms < 1_000; ms += 5) {
      painter.request();
      await vi.advanceTimersByTimeAsync(5);
    }
    expect(paint.mock.calls.length).toBeGreaterThanOrEqual(9);
    expect(paint.mock.calls.length).toBeLessThanOrEqual(11);
  });

  it('refetches at most once a second, and once more after the last change', async () => {
    const work = vi.fn(() => Promise.resolve());
    const refresher = new Refresher(work, 1_000, 1_500);
    for (let i = 0; i < 20; i += 1) {
      refresher.changed();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(work.mock.calls.length).toBeLessThanOrEqual(3);
    const before = work.mock.calls.length;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(work.mock.calls.length).toBeGreaterThan(before);
    const settled = work.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(work.mock.calls.length).toBe(settled);
  });

  it('does not begin again while it is still at work', async () => {
    let running = 0;
    let most = 0;
    const refresher = new Refresher(async () => {
      most = Math.max(most, (running += 1));
      await new Promise((done) => setTimeout(done, 3_000));
      running -= 1;
    }, 100, 200);
    for (let i = 0; i < 50; i += 1) {
      refresher.changed();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(most).toBe(1);
    refresher.stop();
  });
});
