import { describe, expect, it } from 'vitest';
import { parse_decimal } from '../../src/format/decimal';
import { axis_figure, bytes, change, count, counted, currency_sign, exact, glance, headline, rate, rounded, times } from '../../src/format/figure';
import { cell_text, column_title, names_something } from '../../src/format/cell';

const d = parse_decimal;

describe('a number of things', () => {
  it('is one thing, or several', () => expect([counted(0, 'row'), counted(1, 'row'), counted(1_234, 'row')]).toEqual(['0 rows', '1 row', '1,234 rows']));
});

describe('money', () => {
  it('carries its sign after the minus', () => {
    expect(rounded(d('-168469.600'), 'money', 'GBP')).toBe('−£168,469.60');
    expect(rounded(d('168469.605'), 'count', null)).toBe('168,469.61');
    expect(rounded(d('12949'), 'count', null)).toBe('12,949');
    expect(exact(d('15.300'), 'money', 'GBP')).toBe('£15.300');
  });

  it('names currencies without a sign of their own', () => {
    expect(currency_sign('CHF')).toBe('CHF\u00a0');
    expect(currency_sign(null)).toBe('');
    expect(currency_sign('not a currency')).toBe('not a currency\u00a0');
  });

  it('drops the pence where they are noise', () => {
    expect(headline(d('9747747.934'), 'money', 'GBP')).toBe('£9,747,748');
    expect(headline(d('32131.530'), 'money', 'GBP')).toBe('£32,131.53');
    expect(glance(d('25404.320'), 'money', 'GBP')).toBe('£25,404');
    expect(glance(d('390.838'), 'money', 'GBP')).toBe('£390.84');
  });

  it('is a dash where it is not known', () => expect(exact(null, 'money', 'GBP')).toBe('–'));
});

describe('a change', () => {
  const of = (now: string | null, before: string | null) => change(d(now), d(before), 'money', 'GBP');

  it('has an arrow, an amount and a word', () => {
    expect(of('126.5', '100')).toEqual({ arrow: '▲', amount: '26.5 %', word: 'more', direction: 1 });
    expect(of('49', '65')).toEqual({ arrow: '▼', amount: '24.6 %', word: 'less', direction: -1 });
    expect(of('5.0', '5')).toMatchObject({ arrow: '=', word: 'the same', direction: 0 });
  });

  it('names the difference where a percentage would mislead', () => {
    expect(of('10', '0')).toMatchObject({ arrow: '▲', amount: '£10.00' });
    expect(of('-10', '20')).toMatchObject({ arrow: '▼', amount: '£30.00' });
    expect(of('10', '-20')).toMatchObject({ arrow: '▲', amount: '£30.00' });
  });

  it('says nothing where one side is not known', () => expect(of('1', null).arrow).toBe(''));
});

describe('other figures', () => {
  it('are short on axes', () => {
    expect(axis_figure(-125_000, 'money', 'GBP')).toBe('−£125K');
    expect(axis_figure(2_000, 'count', null)).toBe('2,000');
  });

  it('read well', () => {
    expect(count('12345678901234567890')).toBe('12,345,678,901,234,567,890');
    expect(count(null)).toBe('–');
    expect(bytes(1536)).toBe('1.5 KiB');
    expect(bytes(0)).toBe('0 B');
    expect(rate(0.04)).toBe('0/s');
    expect(rate(1_250_000)).toBe('1.3M/s');
    expect(times(600)).toBe('600 ×');
  });
});

describe('a cell', () => {
  it('keeps the digits of a decimal and groups them', () => expect(cell_text('9747747.934', 'DECIMAL(38,3)')).toBe('9,747,747.934'));
  it('tells a missing value from an empty one', () => {
    expect(cell_text(null, 'STRING')).toBe('–');
    expect(cell_text('', 'STRING')).toBe('');
  });
  it('does not group a number that names something', () => {
    expect(cell_text(2024, 'INT', names_something('year', []))).toBe('2024');
    expect(cell_text('10000099999', 'BIGINT', names_something('receipt', []))).toBe('10000099999');
    expect(cell_text(10123, 'INT', names_something('shelf', ['shelf', 'branch']))).toBe('10123');
    expect(cell_text(12608, 'BIGINT', names_something('customer_id', []))).toBe('12608');
    for (const name of ['units', 'orders', 'receipts', 'paid', 'yearly', 'zeno', 'number']) expect(cell_text(12608, 'BIGINT', names_something(name, ['branch'])), name).toBe('12,608');
  });
  it('does not group what is text', () => expect(cell_text('581483', 'STRING')).toBe('581483'));
  it('shows times as the shop had them', () => {
    expect(cell_text('2011-12-09T09:15:00', 'TIMESTAMP')).toBe('9 Dec 2011, 09:15');
    expect(cell_text('2011-12-09', 'DATE')).toBe('9 Dec 2011');
  });
  it('has a head that reads as words', () => expect(column_title('window_start')).toBe('Window start'));
});
