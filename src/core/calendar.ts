import { MS_PER_DAY, MS_PER_HOUR } from './units.ts';

/** A date of the proleptic Gregorian calendar, UTC; month 1 to 12. */
export interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Days from 0000-03-01, the start of the calendar's first era, to 1970-01-01. */
const DAYS_TO_1970 = 719_468;
/** An era is 400 years, after which the calendar repeats. */
const DAYS_PER_ERA = 146_097;

/** Whole days from 1970-01-01 to a date (H. Hinnant's days_from_civil). Pure folders may not name Date. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - DAYS_TO_1970;
}

/** The date that lies `days` whole days after 1970-01-01 (H. Hinnant's civil_from_days). */
export function civilDate(days: number): CivilDate {
  const shifted = days + DAYS_TO_1970;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153); // March is 0
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}

/** First moment of the UTC month after the one `epochMs` lies in: when monthly spend limits end. */
export function nextMonthMs(epochMs: number): number {
  const { year, month } = civilDate(Math.floor(epochMs / MS_PER_DAY));
  const next = month === 12 ? daysFromCivil(year + 1, 1, 1) : daysFromCivil(year, month + 1, 1);
  return next * MS_PER_DAY;
}

/** Pacific time behind UTC, in hours: standard and daylight saving time. */
const PST_HOURS = 8;
const PDT_HOURS = 7;

/** The next midnight of US Pacific time after `epochMs`: when Gemini's requests per day begin anew. */
export function nextPacificMidnightMs(epochMs: number): number {
  const behindMs = pacificHoursBehind(epochMs) * MS_PER_HOUR;
  const localMidnightMs = (Math.floor((epochMs - behindMs) / MS_PER_DAY) + 1) * MS_PER_DAY;
  // The clocks change at 2 o'clock, so the hours behind at midnight are those of a moment near it.
  return localMidnightMs + pacificHoursBehind(localMidnightMs + behindMs) * MS_PER_HOUR;
}

/** Daylight saving from the second Sunday of March to the first of November (15 U.S.C. 260a). */
function pacificHoursBehind(epochMs: number): number {
  const { year } = civilDate(Math.floor(epochMs / MS_PER_DAY));
  const startMs = sundayOnOrAfter(year, 3, 8) * MS_PER_DAY + (2 + PST_HOURS) * MS_PER_HOUR;
  const endMs = sundayOnOrAfter(year, 11, 1) * MS_PER_DAY + (2 + PDT_HOURS) * MS_PER_HOUR;
  return epochMs >= startMs && epochMs < endMs ? PDT_HOURS : PST_HOURS;
}

/** Days since 1970-01-01, which was a Thursday. */
function sundayOnOrAfter(year: number, month: number, day: number): number {
  const days = daysFromCivil(year, month, day);
  const weekday = (((days + 4) % 7) + 7) % 7; // Sunday is 0
  return days + ((7 - weekday) % 7);
}
