import { assert, constantFrom, double, integer, property, tuple } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
  formatUsd,
  parseBytes,
  parseCount,
  parseDurationMs,
  parseRatePerSecond,
  parseShare,
  parseUsd,
} from '../../src/core/units.ts';

describe('parseDurationMs', () => {
  test.for([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    ['2m30s', 150_000],
    ['2m 30s', 150_000],
    ['1d', 86_400_000],
    ['5min', 300_000],
    ['10us', 0.01],
    ['30', undefined],
    ['', undefined],
    ['s', undefined],
    ['30 s x', undefined],
    ['30x', undefined],
    ['-5s', undefined],
    ['1e3s', undefined],
  ] as const)('%j', ([text, ms]) => expect(parseDurationMs(text)).toBe(ms));

  it('reads what people write for any number and unit', () => {
    const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
    const unit = constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
    assert(
      property(tuple(integer({ min: 0, max: 1e6 }), unit), ([amount, name]) => {
        expect(parseDurationMs(`${amount}${name}`)).toBe(amount * units[name]);
      }),
    );
  });
});

describe('parseCount', () => {
  test.for([
    ['500', 500],
    ['200k', 200_000],
    ['1.5M', 1_500_000],
    ['2B', 2e9],
    ['2,000', 2000],
    ['8_000', 8000],
    ['', undefined],
    ['k', undefined],
    ['-5', undefined],
    ['5 x', undefined],
  ] as const)('%j', ([text, value]) => expect(parseCount(text)).toBe(value));
});

describe('parseUsd', () => {
  test.for([
    ['$5', 5],
    ['$ 0.25', 0.25],
    ['5 USD', 5],
    ['5usd', 5],
    ['$1.2k', 1200],
    ['5', undefined],
    ['€5', undefined],
  ] as const)('%j', ([text, usd]) => expect(parseUsd(text)).toBe(usd));
});

describe('parseRatePerSecond', () => {
  test.for([
    ['10/s', 10],
    ['600/min', 10],
    ['600 per minute', 10],
    ['3.6k/h', 1],
    ['86400/d', 1],
    ['10', undefined],
    ['10/x', undefined],
    ['10/ms', undefined],
  ] as const)('%j', ([text, rate]) => expect(parseRatePerSecond(text)).toBe(rate));
});

describe('parseShare and parseBytes', () => {
  test.for([
    ['35%', 0.35],
    ['0.35', 0.35],
    ['35 %', 0.35],
    ['x%', undefined],
  ] as const)('%j', ([text, share]) => expect(parseShare(text)).toBe(share));

  test.for([
    ['64KiB', 65_536],
    ['1.5 GB', 1.5e9],
    ['10b', 10],
    ['10', undefined],
    ['10 parsecs', undefined],
  ] as const)('%j', ([text, bytes]) => expect(parseBytes(text)).toBe(bytes));
});

describe('formatDuration', () => {
  test.for([
    [0.85, '850 µs'],
    [12.34, '12.3 ms'],
    [850, '850 ms'],
    [999.7, '1 s'],
    [4200, '4.2 s'],
    [99_990, '99.99 s'],
    [99_999, '1 min 40 s'],
    [200_000, '3 min 20 s'],
    [3_599_700, '1 h 0 min'],
    [7_500_000, '2 h 5 min'],
    [3 * 86_400_000, '3 d'],
    [Number.NaN, 'NaN'],
  ] as const)('%d ms', ([ms, text]) => expect(formatDuration(ms)).toBe(text));
});

describe('formatCount', () => {
  test.for([
    [0, '0'],
    [1234, '1,234'],
    [9999.6, '10k'],
    [12_345, '12.3k'],
    [999_960, '1M'],
    [4_560_000, '4.56M'],
    [999_999_999, '1B'],
    [2.5, '2.5'],
    [-1234, '-1,234'],
  ] as const)('%d', ([value, text]) => expect(formatCount(value)).toBe(text));
});

describe('formatUsd, formatShare, formatBytes', () => {
  test.for([
    [1234.4, '$1,234'],
    [5, '$5.00'],
    [0.25, '$0.250'],
    [0.0123, '$0.012'],
    [0.000_12, '$0.00012'],
    [-5, '-$5.00'],
  ] as const)('%d USD', ([usd, text]) => expect(formatUsd(usd)).toBe(text));

  test.for([
    [0.351_23, '35.1%'],
    [0.012_34, '1.23%'],
    [1, '100%'],
  ] as const)('%d', ([share, text]) => expect(formatShare(share)).toBe(text));

  test.for([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 kB'],
    [45_678_901, '45.7 MB'],
    [5e15, '5000 TB'],
  ] as const)('%d bytes', ([bytes, text]) => expect(formatBytes(bytes)).toBe(text));

  it('money never loses its first digit', () => {
    assert(
      property(double({ min: 0.0001, max: 1e6, noNaN: true }), (usd) => {
        const shown = Number(formatUsd(usd).replaceAll(/[$,]/g, ''));
        expect(Math.abs(shown / usd - 1)).toBeLessThan(0.06);
      }),
    );
  });
});
