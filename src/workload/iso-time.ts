import { civilDate } from '../core/calendar.ts';
import { MS_PER_DAY } from '../core/units.ts';

/** Times before 1973 count from the start of a trace, not from 1970. */
export const FIRST_CALENDAR_MS = 1e11;

/**
 * `2023-11-16T18:17:03.979Z` for milliseconds since the Unix epoch (fraction cut). Pure folders
 * may not name Date.
 */
export function isoTime(epochMs: number): string {
  const whole = Math.floor(epochMs);
  const days = Math.floor(whole / MS_PER_DAY);
  const ms = whole - days * MS_PER_DAY;
  const { year, month, day } = civilDate(days);
  const time = [
    Math.floor(ms / 3_600_000),
    Math.floor(ms / 60_000) % 60,
    Math.floor(ms / 1000) % 60,
  ];
  const clock = time.map((part) => digits(part, 2)).join(':');
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}T${clock}.${digits(ms % 1000, 3)}Z`;
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0');
}
