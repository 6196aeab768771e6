// The value of a record on one line: a row's columns by name, anything else as it is.

import { bytes } from '../../format/figure';

/** Bytes that are no text, as the server tells them. */
export function is_bytes(value: unknown): value is { bytes: number; base64: string } {
  if (value === null || typeof value !== 'object' || Object.keys(value).length !== 2) return false;
  const told = value as Record<string, unknown>;
  return typeof told.bytes === 'number' && typeof told.base64 === 'string';
}

/** Names with what they hold; a value without names has one that is empty. What is null is left out. */
export function preview(value: unknown): [string, string][] {
  if (is_bytes(value)) return [['', `${bytes(value.bytes)} that are no text`]];
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [['', text(value)]];
  return Object.entries(reason_first(value)).filter(([, one]) => one !== null).map(([name, one]) => [name, text(one)]);
}

/** Of a rejected row one asks first why and what it was; the stage and the place in the file come after. */
function reason_first(value: object): object {
  if (!('reason' in value && 'row' in value && 'failed_at' in value)) return value;
  const { reason, row, ...rest } = value;
  return { reason, ...('column' in rest ? { column: rest.column } : {}), row, ...rest };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
