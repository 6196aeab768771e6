// What is written at the bars of a view: the name that was chosen, and whatever else of its key tells a row from its neighbours.

import type { Cell, Row } from '../../api/types';

/** `large · north` of a view by size and branch. `label` may be a column beside the key, such as a product's title. */
export function bar_labels(rows: readonly Row[], label: string, key: readonly string[], stands_for: string | null, text: (value: Cell | undefined, column: string) => string): string[] {
  const others = key.filter((name) => name !== label && name !== stands_for);
  const labels = rows.map((row) => [label, ...others].map((name) => text(row[name], name)).join(' · '));
  if (stands_for === null || stands_for === label) return labels;
  // Two products may have one title: their key tells them apart.
  const times = new Map<string, number>();
  for (const one of labels) times.set(one, (times.get(one) ?? 0) + 1);
  return labels.map((one, i) => ((times.get(one) ?? 0) > 1 ? `${one} · ${text(rows[i]?.[stands_for], stands_for)}` : one));
}
