import { MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';
import { daysFromCivil } from '../core/calendar.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/**
 * An HTTP or RFC 3339 date as milliseconds since the Unix epoch; undefined for anything else.
 * Written out because pure code has no `Date`. Accepts the three forms of RFC 9110 §5.6.7
 * (`Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`)
 * and `1994-11-06T08:49:37.5Z` with an offset.
 */
export function parseHttpDateMs(text: string): number | undefined {
  const trimmed = text.trim();
  return rfc9110(trimmed) ?? asctime(trimmed) ?? rfc3339(trimmed);
}

function rfc9110(text: string): number | undefined {
  const match =
    /^[a-z]{3,9},? (\d{1,2})[ -]([a-z]{3})[ -](\d{2}|\d{4}) (\d{2}):(\d{2}):(\d{2}) (?:GMT|UTC|\+0000)$/i.exec(
      text,
    );
  if (match === null) return undefined;
  const [, day, month, year, hour, minute, second] = match;
  return instant(fullYear(year!), month!, Number(day), [hour!, minute!, second!]);
}

function asctime(text: string): number | undefined {
  const match = /^[a-z]{3} ([a-z]{3}) +(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i.exec(text);
  if (match === null) return undefined;
  const [, month, day, hour, minute, second, year] = match;
  return instant(Number(year), month!, Number(day), [hour!, minute!, second!]);
}

function rfc3339(text: string): number | undefined {
  const match =
    /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:?\d{2})$/i.exec(
      text,
    );
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, zone] = match;
  const name = MONTHS[Number(month) - 1];
  if (name === undefined) return undefined;
  const atMs = instant(Number(year), name, Number(day), [hour!, minute!, second!]);
  return atMs === undefined ? undefined : atMs - offsetMs(zone!);
}

function offsetMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.replaceAll(/\D/g, '');
  const hours = Number(digits.slice(0, 2));
  return sign * (hours * MS_PER_HOUR + Number(digits.slice(2)) * MS_PER_MINUTE);
}

/** RFC 9110: a two-digit year more than 50 years ahead is in the past; fixed at 1970 to 2069 here. */
function fullYear(year: string): number {
  const value = Number(year);
  if (year.length === 4) return value;
  return value < 70 ? 2000 + value : 1900 + value;
}

function instant(
  year: number,
  monthName: string,
  day: number,
  clock: readonly [hour: string, minute: string, second: string],
): number | undefined {
  const month = MONTHS.indexOf(monthName.toLowerCase()) + 1;
  const [hour, minute, second] = clock.map(Number) as [number, number, number];
  if (month === 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second >= 61) {
    return undefined;
  }
  return (
    daysFromCivil(year, month, day) * MS_PER_DAY +
    hour * MS_PER_HOUR +
    minute * MS_PER_MINUTE +
    second * MS_PER_SECOND
  );
}
