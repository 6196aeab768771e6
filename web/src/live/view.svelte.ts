// One view as a page shows it: a page of its rows that does not move under the reader's eye, and its chart.

import { untrack } from 'svelte';
import { api, live_rows_address } from '../api/client';
import type { LiveRows, Row, RowsPage, View } from '../api/types';
import { Refresher } from './pace';
import { resource } from './resource.svelte';
import { shop } from './shop.svelte';
import { follow } from './stream.svelte';
import { identity } from './course';

export interface RowsAsked {
  where: string[];
  order: string;
  limit: number;
  offset: number;
}

/** Rows that follow the view. While the reader is busy with them only their values change; new rows wait until they are asked for. */
export function open_rows(view: () => View | null, asked: () => RowsAsked, busy: () => boolean) {
  let shown = $state.raw<RowsPage | null>(null);
  let waiting = $state.raw<RowsPage | null>(null);
  let shown_key = '';
  const page = resource<RowsPage>(() => {
    const [one, query] = [view(), asked()];
    return one && one.kind !== 'inlined' ? { key: JSON.stringify([one.name, query]), fetch: (signal) => api.rows(one.name, query, signal) } : null;
  });
  const refresher = new Refresher(() => page.again());

  $effect(() => {
    const next = page.data;
    if (!next) return;
    untrack(() => take(next));
  });

  function take(next: RowsPage): void {
    const key = JSON.stringify([view()?.name, asked()]);
    const of_same_rows = shown !== null && same_rows(shown, next, view()?.key ?? []);
    if (key !== shown_key || of_same_rows || !busy()) {
      shown = next;
      waiting = null;
      shown_key = key;
    } else waiting = next;
  }

  follow(() => {
    const one = view();
    if (!one || one.kind === 'inlined') return null;
    return {
      address: live_rows_address(one.name),
      on_open: () => refresher.changed(),
      on_event: ({ event, data }) => {
        if (event === 'reset') refresher.changed();
        if (event !== 'rows') return;
        const change = JSON.parse(data) as LiveRows;
        shop.hear_event_time(change.event_time_ms);
        if (change.upserts.length > 0 || change.deletes.length > 0) refresher.changed();
      },
    };
  });
  $effect(() => () => refresher.stop());

  return {
    page,
    get shown() { return shown; },
    get has_newer() { return waiting !== null; },
    show_newer() {
      if (waiting) shown = waiting;
      waiting = null;
    },
  };
}

function same_rows(a: RowsPage, b: RowsPage, key: readonly string[]): boolean {
  const ids = (rows: Row[]) => rows.map((row) => (key.length > 0 ? identity(key, row) : JSON.stringify(row))).join('\n');
  return ids(a.rows) === ids(b.rows);
}
