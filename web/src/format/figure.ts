// How a figure reads: money with its currency, counts with thousands separated, bytes, rates and changes in words.

import type { Unit } from '../api/types';
import { compare, divide, parse_decimal, subtract, to_float, to_grouped, to_scale, type Decimal } from './decimal';

/** From here on the pence of a headline figure are noise; the exact amount stays in its tooltip. */
const HEADLINE_WHOLE_FROM = 100_000;

/** `GBP` as `£`; the code itself where there is no sign for it; nothing where the project names no currency. */
export function currency_sign(currency: string | null): string {
  if (!currency) return '';
  try {
    const parts = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).formatToParts(0);
    const sign = parts.find((part) => part.type === 'currency')?.value ?? currency;
    return /^[A-Z]{2,}$/.test(sign) ? `${sign}\u00a0` : sign;
  } catch {
    return `${currency}\u00a0`;
  }
}

function with_sign(value: Decimal, sign: string): string {
  const text = to_grouped(value);
  return text.startsWith('−') ? `−${sign}${text.slice(1)}` : sign + text;
}

/** Every digit there is. */
export function exact(value: Decimal | null, unit: Unit, currency: string | null): string {
  if (!value) return '–';
  return unit === 'money' ? with_sign(value, currency_sign(currency)) : to_grouped(value);
}

/** Money to the penny, counts whole; what is no money but has a fraction keeps two digits of it. */
export function rounded(value: Decimal | null, unit: Unit, currency: string | null): string {
  if (!value) return '–';
  return exact(to_scale(value, unit === 'money' ? 2 : Math.min(2, value.scale)), unit, currency);
}

/** As `rounded`, but large amounts of money without pence. */
export function headline(value: Decimal | null, unit: Unit, currency: string | null): string {
  if (value && unit === 'money' && Math.abs(to_float(value)) >= HEADLINE_WHOLE_FROM) {
    return exact(to_scale(value, 0), unit, currency);
  }
  return rounded(value, unit, currency);
}

/** For a figure that only stands beside another: from a thousand on without pence. */
export function glance(value: Decimal | null, unit: Unit, currency: string | null): string {
  const whole = value && unit === 'money' && Math.abs(to_float(value)) >= 1_000;
  return whole ? exact(to_scale(value, 0), unit, currency) : rounded(value, unit, currency);
}

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const PLAIN = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

/** For axes: `£1.2K`. */
export function axis_figure(value: number, unit: Unit, currency: string | null): string {
  const text = Math.abs(value) >= 10_000 ? COMPACT.format(value) : PLAIN.format(value);
  const sign = unit === 'money' ? currency_sign(currency) : '';
  return text.startsWith('-') ? `−${sign}${text.slice(1)}` : sign + text;
}

export function count(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const decimal = parse_decimal(value);
  return decimal ? to_grouped(decimal) : String(value);
}

/** `1 row`, `2 rows`. */
export function counted(value: number, one: string): string {
  return `${count(value)} ${one}${value === 1 ? '' : 's'}`;
}

export function rate(per_second: number): string {
  if (per_second <= 0) return '0/s';
  if (per_second < 10) return `${PLAIN.format(Math.round(per_second * 10) / 10)}/s`;
  return `${per_second >= 100_000 ? COMPACT.format(per_second) : PLAIN.format(Math.round(per_second))}/s`;
}

/** `600 ×`, `1.2M ×`: how much faster than the clock. */
export function times(factor: number): string {
  const text = factor >= 100_000 ? COMPACT.format(factor) : factor >= 10 ? to_grouped({ units: BigInt(Math.round(factor)), scale: 0 }) : PLAIN.format(factor);
  return `${text} ×`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  let [size, unit] = [value, 0];
  while (size >= 1024 && unit < BYTE_UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

export interface Change {
  arrow: '▲' | '▼' | '=' | '';
  /** `12.4 %`, without a sign: the arrow and the word carry it. */
  amount: string;
  word: 'more' | 'less' | 'the same' | '';
  direction: -1 | 0 | 1;
}

const NO_CHANGE_KNOWN: Change = { arrow: '', amount: '', word: '', direction: 0 };

/** How `now` stands to `before`. From nothing or across zero a percentage would mislead, so the difference itself is named. */
export function change(now: Decimal | null, before: Decimal | null, unit: Unit, currency: string | null): Change {
  if (!now || !before) return NO_CHANGE_KNOWN;
  const direction = compare(now, before);
  if (direction === 0) return { arrow: '=', amount: '', word: 'the same', direction: 0 };
  const difference = subtract(now, before);
  const size: Decimal = { units: difference.units < 0n ? -difference.units : difference.units, scale: difference.scale };
  const arrow = direction > 0 ? '▲' : '▼';
  const word = direction > 0 ? 'more' : 'less';
  if (before.units <= 0n || now.units < 0n) return { arrow, amount: rounded(size, unit, currency), word, direction: direction > 0 ? 1 : -1 };
  const percent = divide({ units: size.units * 100n, scale: size.scale }, before, 1);
  const amount = percent ? `${to_grouped(to_float(percent) >= 100 ? to_scale(percent, 0) : percent)} %` : '';
  return { arrow, amount, word, direction: direction > 0 ? 1 : -1 };
}
