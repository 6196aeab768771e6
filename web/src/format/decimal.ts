// Decimals as whole numbers and a scale, so that sums and digits on a page are those of the warehouse. Floats are for pixels only.

export interface Decimal {
  /** The number times 10 to the power of `scale`. */
  units: bigint;
  scale: number;
}

const PATTERN = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Reads `"-12.340"`, `7` or `null`; null where it is no plain number. */
export function parse_decimal(text: string | number | boolean | null | undefined): Decimal | null {
  if (text === null || text === undefined || typeof text === 'boolean') return null;
  const plain = typeof text === 'number' ? expand(text) : text;
  const match = PATTERN.exec(plain);
  if (!match) return null;
  const [, sign, whole = '0', fraction = ''] = match;
  const units = BigInt(whole + fraction);
  return { units: sign ? -units : units, scale: fraction.length };
}

/** A float's shortest digits, written out without an exponent. */
function expand(value: number): string {
  const [mantissa = '', exponent] = String(value).split('e');
  if (exponent === undefined) return mantissa;
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return sign + (point >= digits.length ? digits.padEnd(point, '0') : `${digits.slice(0, point)}.${digits.slice(point)}`);
}

export function to_scale(value: Decimal, scale: number): Decimal {
  if (scale >= value.scale) return { units: value.units * 10n ** BigInt(scale - value.scale), scale };
  return { units: divide_half_up(value.units, 10n ** BigInt(value.scale - scale)), scale };
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: to_scale(a, scale).units + to_scale(b, scale).units, scale };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { units: -b.units, scale: b.scale });
}

/** The quotient rounded half away from zero to `scale` digits; null for a division by nothing. */
export function divide(a: Decimal, b: Decimal, scale: number): Decimal | null {
  if (b.units === 0n) return null;
  const top = a.units * 10n ** BigInt(scale + b.scale);
  const bottom = b.units * 10n ** BigInt(a.scale);
  return { units: divide_half_up(top, bottom), scale };
}

function divide_half_up(top: bigint, bottom: bigint): bigint {
  const negative = top < 0n !== bottom < 0n;
  const [a, b] = [top < 0n ? -top : top, bottom < 0n ? -bottom : bottom];
  const rounded = (2n * a + b) / (2n * b);
  return negative ? -rounded : rounded;
}

export function compare(a: Decimal, b: Decimal): number {
  const difference = subtract(a, b).units;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** For the position of a pixel, never for a figure. */
export function to_float(value: Decimal): number {
  return Number(value.units) / 10 ** value.scale;
}

/** `-1234.5` with scale 3 as `-1234.500`; no grouping. */
export function to_plain(value: Decimal): string {
  const sign = value.units < 0n ? '-' : '';
  const digits = (value.units < 0n ? -value.units : value.units).toString().padStart(value.scale + 1, '0');
  if (value.scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -value.scale)}.${digits.slice(-value.scale)}`;
}

/** `-1,234.500`: thousands separated, a real minus sign. */
export function to_grouped(value: Decimal): string {
  const [whole = '0', fraction] = to_plain(value).replace('-', '').split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return (value.units < 0n ? '−' : '') + grouped + (fraction === undefined ? '' : `.${fraction}`);
}

export const ZERO: Decimal = { units: 0n, scale: 0 };

export function sum(values: Iterable<Decimal | null>): Decimal {
  let total = ZERO;
  for (const value of values) if (value) total = add(total, value);
  return total;
}
