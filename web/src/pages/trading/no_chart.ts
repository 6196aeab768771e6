// Why the first page has neither chart nor tiles, and what would bring them: they are made of a view with windows, no other key and a
// DECIMAL column.

import type { View } from '../../api/types';
import { is_decimal, is_time, type_of } from '../../format/cell';
import { window_words } from '../../format/time';

export interface NoChart {
  why: string;
  /** The statement that would bring them, but for what only the project knows. */
  sql: string;
}

/** Null where there is such a view: then the project's settings say that there be no chart. */
export function why_no_chart(views: readonly View[]): NoChart | null {
  const windowed = views.filter((view) => view.window_ms !== null && view.time_column !== null).sort((a, b) => (a.window_ms ?? 0) - (b.window_ms ?? 0));
  const alone = windowed.filter((view) => other_keys(view).length === 0);
  if (alone.some((view) => figure_of(view) !== undefined)) return null;
  const keyed = windowed.find((view) => figure_of(view) !== undefined) ?? windowed[0];
  const one = alone[0] ?? keyed;
  return { why: reason(alone[0], keyed), sql: statement(one?.window_ms ?? null, (one && figure_of(one)) ?? 'revenue') };
}

function reason(alone: View | undefined, keyed: View | undefined): string {
  if (alone) return `${alone.name} has windows and no other key, but no DECIMAL column that could be drawn.`;
  if (!keyed) return 'No view of this project is grouped by window(…).';
  return `${keyed.name} has windows, but is grouped by ${other_keys(keyed).join(', ')} as well, so that it has several rows a window.`;
}

/** The keys beside the window: in a view with windows neither its time column nor another TIMESTAMP. */
function other_keys(view: View): string[] {
  return view.key.filter((name) => name !== view.time_column && !is_time(type_of(view.columns, name)));
}

function figure_of(view: View): string | undefined {
  return view.columns.find((column) => is_decimal(column.type) && !view.key.includes(column.name))?.name;
}

function statement(window_ms: number | null, figure: string): string {
  const size = window_ms === null ? '5 minutes' : window_words(window_ms).replace(/^(?=[a-z])/, '1 ');
  const name = `${figure}_${size.replace(/[^0-9a-z]+/gi, '_')}`;
  return `CREATE MATERIALIZED VIEW ${name} AS\nSELECT window.start AS window_start, sum(…) AS ${figure}\nFROM … GROUP BY window(…, '${size}');`;
}
