// The rows of a view over time, kept by their key, so that a live change replaces its own row and nothing else.

import type { Cell, ColumnsPage, LiveRows, Row } from '../api/types';
import { points_of, type Point } from '../charts/series';

export interface Course {
  key: string[];
  time_column: string;
  columns: string[];
  /** Rows by the identity that `key` gives them. */
  rows: Map<string, Row>;
  /** There are more rows in the range than one answer holds. */
  cut: boolean;
  watermark_ms: number | null;
}

export function identity(key: readonly string[], row: Row): string {
  return JSON.stringify(key.map((name) => row[name] ?? null));
}

export function course_of(page: ColumnsPage, key: string[], time_column: string): Course {
  const columns = page.columns.map((column) => column.name);
  const rows = new Map<string, Row>();
  const count = page.data[time_column]?.length ?? 0;
  for (let i = 0; i < count; i += 1) {
    const row: Row = {};
    for (const name of columns) row[name] = page.data[name]?.[i] ?? null;
    rows.set(key.length > 0 ? identity(key, row) : String(i), row);
  }
  return { key, time_column, columns, rows, cut: page.total > count, watermark_ms: page.committed.watermark_ms };
}

/** The course after a live change; rows that `belongs` refuses are not of this picture. */
export function apply(course: Course, change: LiveRows, belongs: (row: Row) => boolean): Course {
  const rows = course.rows;
  for (const row of change.upserts) {
    const id = identity(course.key, row);
    if (!belongs(row)) continue;
    const kept: Row = {};
    for (const name of course.columns) kept[name] = row[name] ?? null;
    rows.set(id, kept);
  }
  for (const text of change.deletes) rows.delete(identity_of_key(course.key, text));
  return { ...course, rows, watermark_ms: change.watermark_ms ?? course.watermark_ms };
}

function identity_of_key(key: readonly string[], text: string): string {
  try {
    return identity(key, JSON.parse(text) as Row);
  } catch {
    return text;
  }
}

export function points(course: Course, column: string): Point[] {
  const times: Cell[] = [];
  const values: Cell[] = [];
  for (const row of course.rows.values()) {
    times.push(row[course.time_column] ?? null);
    values.push(row[column] ?? null);
  }
  return points_of(times, values);
}
