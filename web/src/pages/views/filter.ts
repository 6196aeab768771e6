// Conditions of a view's rows, as the address carries them (`country:eq:France`) and as people read them.

import type { Column } from '../../api/types';
import { is_number, is_time } from '../../format/cell';

export interface Condition {
  column: string;
  op: string;
  value: string;
}

const WORDS: Record<string, string> = { eq: '=', ne: '≠', lt: '<', lte: '≤', gt: '>', gte: '≥', like: 'is like', isnull: 'is missing', notnull: 'is there' };

export function parse_condition(text: string): Condition {
  const [column = '', op = 'eq', ...rest] = text.split(':');
  return { column, op, value: rest.join(':') };
}

export function format_condition({ column, op, value }: Condition): string {
  return needs_value(op) ? `${column}:${op}:${value}` : `${column}:${op}`;
}

export function condition_words({ column, op, value }: Condition): string {
  return `${column} ${WORDS[op] ?? op}${needs_value(op) ? ` ${value.replace('T', ' ')}` : ''}`;
}

export function needs_value(op: string): boolean {
  return op !== 'isnull' && op !== 'notnull';
}

/** What can be asked of a column of this type. */
export function ops_of(column: Column | undefined): { op: string; word: string }[] {
  const type = column?.type ?? 'STRING';
  const ordered = is_number(type) || is_time(type);
  const ops = ordered ? ['eq', 'ne', 'gte', 'lte', 'gt', 'lt', 'isnull', 'notnull'] : ['eq', 'like', 'ne', 'isnull', 'notnull'];
  return ops.map((op) => ({ op, word: WORDS[op] ?? op }));
}

/** `%` is put around what was typed after "is like", unless the reader put one. */
export function typed_value(op: string, value: string, column: Column | undefined): string {
  if (op === 'like' && !value.includes('%')) return `%${value}%`;
  if (is_time(column?.type ?? '') && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(value)) return `${value}:00`;
  return value;
}
