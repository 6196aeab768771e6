import { describe, expect, it } from 'vitest';
import { add, compare, divide, parse_decimal, subtract, sum, to_float, to_grouped, to_plain, to_scale, type Decimal } from '../../src/format/decimal';

const d = (text: string): Decimal => {
  const value = parse_decimal(text);
  if (!value) throw new Error(`${text} is no decimal`);
  return value;
};

describe('a decimal', () => {
  it('keeps every digit it was written with', () => {
    for (const text of ['0', '15.300', '-168469.600', '0.001', '-0.05', '99999999999999999999999999999999999.999']) expect(to_plain(d(text))).toBe(text);
  });

  it('is not read out of what is no number', () => {
    for (const text of ['', 'abc', '1e5', '1,000', '--1', '1.', null, undefined, true]) expect(parse_decimal(text)).toBeNull();
  });

  it('takes whole and small floats as their shortest digits', () => {
    expect(to_plain(d(String(0.1)))).toBe('0.1');
    expect(parse_decimal(1e21)).toEqual({ units: 10n ** 21n, scale: 0 });
    expect(to_plain(parse_decimal(-1.25e-9) as Decimal)).toBe('-0.00000000125');
    expect(to_float(parse_decimal(1e-7) as Decimal)).toBe(1e-7);
    expect(parse_decimal(NaN)).toBeNull();
  });

  it('adds what floats would not', () => {
    expect(to_plain(sum(['0.1', '0.2', '-0.3'].map(d)))).toBe('0.0');
    expect(to_plain(add(d('9007199254740993'), d('0.001')))).toBe('9007199254740993.001');
    expect(to_plain(subtract(d('1'), d('0.001')))).toBe('0.999');
  });

  it('is rounded half away from zero', () => {
    expect(to_plain(to_scale(d('2.345'), 2))).toBe('2.35');
    expect(to_plain(to_scale(d('-2.345'), 2))).toBe('-2.35');
    expect(to_plain(to_scale(d('2.344'), 2))).toBe('2.34');
    expect(to_plain(to_scale(d('5'), 3))).toBe('5.000');
  });

  it('is divided to as many digits as asked', () => {
    expect(to_plain(divide(d('32131.530'), d('49'), 2) as Decimal)).toBe('655.75');
    expect(to_plain(divide(d('-1'), d('3'), 4) as Decimal)).toBe('-0.3333');
    expect(divide(d('1'), d('0'), 2)).toBeNull();
  });

  it('is grouped by thousands with a real minus', () => {
    expect(to_grouped(d('-1234567.80'))).toBe('−1,234,567.80');
    expect(to_grouped(d('999'))).toBe('999');
    expect(to_grouped(d('1000'))).toBe('1,000');
  });

  it('is compared across scales', () => {
    expect(compare(d('1.50'), d('1.5'))).toBe(0);
    expect(compare(d('-2'), d('1'))).toBe(-1);
  });
});
