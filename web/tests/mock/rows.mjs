// Filter, order, page and sum rows as the server does; decimals as whole thousandths so that sums are exact.

const number = (value) => (value === null || value === undefined ? null : Number(value));

function passes(row, condition, types) {
  const [, column, op, value] = /^([^:]+):([a-z]+)(?::([\s\S]*))?$/.exec(condition) ?? [];
  const cell = row[column] ?? null;
  if (op === 'isnull') return cell === null;
  if (op === 'notnull') return cell !== null;
  if (cell === null) return false;
  if (op === 'like') return new RegExp(`^${value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/%/g, '.*').replace(/_/g, '.')}$`, 'is').test(String(cell));
  const [a, b] = /^(STRING|TIMESTAMP|DATE)/.test(types[column]) ? [String(cell), String(value)] : [number(cell), number(value)];
  return { eq: a === b, ne: a !== b, lt: a < b, lte: a <= b, gt: a > b, gte: a >= b }[op] ?? false;
}

export function select(view, params) {
  const types = Object.fromEntries(view.about.columns.map((c) => [c.name, c.type]));
  let rows = view.rows.filter((row) => params.getAll('where').every((condition) => passes(row, condition, types)));
  rows = order(rows, params.get('order'), types);
  return rows;
}

function order(rows, by, types) {
  if (!by) return rows;
  const terms = by.split(',').map((term) => [term.replace(/^-/, ''), term.startsWith('-') ? -1 : 1]);
  return [...rows].sort((x, y) => {
    for (const [column, sign] of terms) {
      const text = /^(STRING|TIMESTAMP|DATE)/.test(types[column] ?? 'DECIMAL');
      const [a, b] = text ? [x[column] ?? '', y[column] ?? ''] : [number(x[column]) ?? 0, number(y[column]) ?? 0];
      if (a !== b) return a < b ? -sign : sign;
    }
    return 0;
  });
}

const thousandths = (text) => {
  const [whole, fraction = ''] = String(text ?? 0).split('.');
  const sign = whole.startsWith('-') ? -1n : 1n;
  return sign * (BigInt(whole.replace('-', '')) * 1000n + BigInt(fraction.padEnd(3, '0').slice(0, 3)));
};
const decimal = (n) => `${n < 0n ? '-' : ''}${(n < 0n ? -n : n) / 1000n}.${String((n < 0n ? -n : n) % 1000n).padStart(3, '0')}`;

export function summary(view, params) {
  const types = Object.fromEntries(view.about.columns.map((c) => [c.name, c.type]));
  const sums = (params.get('sum') ?? '').split(',').filter(Boolean);
  const group = params.get('group');
  const groups = new Map();
  const where = new URLSearchParams(params.getAll('where').map((w) => ['where', w]));
  for (const row of select(view, where)) {
    const key = group ? row[group] : '';
    const totals = groups.get(key) ?? sums.map(() => 0n);
    sums.forEach((column, i) => { totals[i] += thousandths(row[column]); });
    groups.set(key, totals);
  }
  const columns = [...(group ? [group] : []), ...sums].map((name) => ({ name, type: types[name] }));
  if (!group && groups.size === 0) return { columns, rows: [Object.fromEntries(sums.map((column) => [column, null]))] };
  let rows = [...groups].map(([key, totals]) => ({
    ...(group ? { [group]: key } : {}),
    ...Object.fromEntries(sums.map((column, i) => [column, types[column].startsWith('DECIMAL') ? decimal(totals[i]) : Number(totals[i] / 1000n)])),
  }));
  rows = order(rows, params.get('order'), { ...types });
  return { columns, rows: rows.slice(0, Number(params.get('limit') ?? 100)) };
}

export function to_csv(columns, rows) {
  const cell = (value, type) => {
    if (value === null) return '';
    let text = String(value);
    if (type === 'STRING' && /^[=+\-@]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return [columns.map((c) => c.name).join(','), ...rows.map((row) => columns.map((c) => cell(row[c.name], c.type)).join(','))].join('\n') + '\n';
}
