import { MS_PER_DAY } from '../core/units.ts';

/** Times before 1973 count from the start of a trace, not from 1970. */
export const FIRST_CALENDAR_MS = 1e11;

/**
 * `2023-11-16T18:17:03.979Z` for milliseconds since the Unix epoch (fraction cut). Pure folders
 * may not name Date; the calendar is Howard Hinnant's civil_from_days.
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

/** Days since 1970-01-01 to the Gregorian calendar; eras of 400 years starting in March. */
function civilDate(days: number): {
  readonly year: number;
  readonly month: number;
  readonly day: number;
} {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0');
}
