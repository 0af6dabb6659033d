import { MS_PER_MINUTE, MS_PER_HOUR, MS_PER_SECOND } from '../core/units.ts';

/**
 * Times of foreign traces as milliseconds since the Unix epoch, fraction kept. Times without a zone
 * are UTC. Fractions finer than a microsecond are cut: a double of today's epoch milliseconds
 * resolves 0.24 µs, and Azure's seventh digit is always 0 or noise.
 */

/** `2026-01-01T00:00:00.123Z`, `2023-11-16 18:17:03.9799600`, `…+02:00`; undefined for anything else. */
export function isoMs(text: string): number | undefined {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  if (Number.isNaN(year + month + day + hour + minute + second)) return undefined;
  if (text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':') return undefined;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60) {
    return undefined;
  }
  let next = 19;
  let micros = 0;
  if (text[next] === '.' || text[next] === ',') {
    next += 1;
    for (let scale = 100_000; isDigit(text, next); next += 1, scale = Math.floor(scale / 10)) {
      micros += scale * (text.charCodeAt(next) - ZERO);
    }
  }
  const offset = zoneMs(text.slice(next));
  if (offset === undefined) return undefined;
  const clockMs = ((hour * 60 + minute) * 60 + second) * MS_PER_SECOND;
  return dayStartMs(year, month, day) + clockMs + micros / 1000 - offset;
}

/** The day asked for last: neighbouring records are of one day, and Date.UTC costs more than the rest. */
const lastDay = { year: Number.NaN, month: Number.NaN, day: Number.NaN, startMs: Number.NaN };

function dayStartMs(year: number, month: number, day: number): number {
  if (day !== lastDay.day || month !== lastDay.month || year !== lastDay.year) {
    Object.assign(lastDay, { year, month, day, startMs: Date.UTC(year, month - 1, day) });
  }
  return lastDay.startMs;
}

/** ISO text, or a number or numeric text in the given unit. */
export function timeMs(value: unknown, unit: 's' | 'ms' | 'us' | 'ns' = 'ms'): number | undefined {
  if (typeof value === 'number') return epochMs(value, unit);
  if (typeof value !== 'string') return undefined;
  if (!/^\d+(?:\.\d+)?$/.test(value)) return isoMs(value);
  // Nanoseconds since 1970 exceed 2^53: split before converting.
  if (unit === 'ns' && value.length > 6) {
    return Number(value.slice(0, -6)) + Number(value.slice(-6)) / 1e6;
  }
  return epochMs(Number(value), unit);
}

/** `[seconds, nanoseconds]` as JavaScript's console exporter prints them. */
export function secondsAndNanosMs(value: unknown): number | undefined {
  if (!Array.isArray(value)) return undefined;
  const [seconds, nanos] = value as readonly unknown[];
  if (typeof seconds !== 'number' || typeof nanos !== 'number') return undefined;
  return seconds * MS_PER_SECOND + nanos / 1e6;
}

function epochMs(value: number, unit: 's' | 'ms' | 'us' | 'ns'): number | undefined {
  const ms = value * MS_PER_UNIT[unit];
  // Outside the range of Date the number is not a time in this unit.
  return Math.abs(ms) <= LAST_DATE_MS ? ms : undefined;
}

function zoneMs(zone: string): number | undefined {
  if (zone === '' || zone === 'Z' || zone === 'z' || zone === ' UTC') return 0;
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone.trim());
  if (match === null) return undefined;
  const ms = Number(match[2]) * MS_PER_HOUR + Number(match[3] ?? 0) * MS_PER_MINUTE;
  return match[1] === '-' ? -ms : ms;
}

function digits(text: string, from: number, length: number): number {
  let value = 0;
  for (let index = from; index < from + length; index += 1) {
    if (!isDigit(text, index)) return Number.NaN;
    value = value * 10 + text.charCodeAt(index) - ZERO;
  }
  return value;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= ZERO && code <= ZERO + 9;
}

const ZERO = 48;
/** The last millisecond a Date can hold (ECMA-262, time values). */
const LAST_DATE_MS = 8.64e15;
const MS_PER_UNIT = { s: MS_PER_SECOND, ms: 1, us: 1e-3, ns: 1e-6 } as const;
