// How a cell of a table reads, by the type of its column: exact digits, thousands separated, times as the shop's clock showed them.

import type { Cell, Column } from '../api/types';
import { parse_decimal, to_float, to_grouped } from './decimal';
import { moment, day, parse_time } from './time';

export function is_number(type: string): boolean {
  return /^(INT|BIGINT|DOUBLE|FLOAT|DECIMAL|SMALLINT|TINYINT)/i.test(type);
}

export function is_time(type: string): boolean {
  return /^(TIMESTAMP|DATE)/i.test(type);
}

export function is_decimal(type: string): boolean {
  return /^DECIMAL/i.test(type);
}

/** Names of columns whose numbers name something: nobody adds up receipts, nor separates the thousands of a year. */
const NAMING = /(^|_)(id|ids|no|nr|code|key|year|receipt|invoice|ean|gtin|sku|zip|postcode)$|_number$/i;

/** Whether the numbers of a column name something rather than count it: as part of a key, or as its name tells. */
export function names_something(column: string, key: readonly string[]): boolean {
  return key.includes(column) || NAMING.test(column);
}

export function cell_text(value: Cell | undefined, type: string, naming = false): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (naming && is_number(type)) return String(value);
  if (is_number(type)) {
    const decimal = parse_decimal(value);
    return decimal ? to_grouped(decimal) : String(value);
  }
  if (is_time(type)) {
    const ms = parse_time(value);
    if (ms !== null) return type.toUpperCase() === 'DATE' ? day(ms) : moment(ms);
  }
  return String(value);
}

export function cell_float(value: Cell | undefined): number | null {
  const decimal = parse_decimal(value);
  return decimal ? to_float(decimal) : null;
}

export function type_of(columns: Column[], name: string): string {
  return columns.find((column) => column.name === name)?.type ?? 'STRING';
}

/** `window_start` as `Window start`. */
export function column_title(name: string): string {
  const words = name.replace(/_/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
