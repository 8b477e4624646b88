/**
 * Date and time as EXT-X-PROGRAM-DATE-TIME writes it: ISO 8601 with milliseconds, in UTC.
 *
 * @module
 */

const DAY_MS = 86_400_000;

/** Days of 400 years, after which the calendar repeats; of 100, of 4 and of one. */
const ERA_DAYS = 146_097;
const CENTURY_DAYS = 36_524;
const LEAP_DAYS = 1_461;
const YEAR_DAYS = 365;

/** Days from 1 March of year 0, where leap days come last, to 1 January 1970. */
const EPOCH_DAYS = 719_468;

/**
 * Writes microseconds since 1970 as "2026-11-21T02:18:08.042Z", rounded down to milliseconds.
 *
 * @throws {RangeError} `wallUs` is no safe integer from 0: such microseconds last until 2255.
 */
export function writeDateTime(wallUs: number): string {
  if (!Number.isSafeInteger(wallUs) || wallUs < 0) {
    throw new RangeError(`Cannot write date: ${wallUs} is no number of microseconds since 1970`);
  }
  const wallMs = Math.floor(wallUs / 1000);
  const days = Math.floor(wallMs / DAY_MS);
  const ms = wallMs - days * DAY_MS;
  const clock = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60];
  const seconds = pad(Math.floor(ms / 1000) % 60, 2);
  return `${calendarDate(days)}T${clock.map((value) => pad(value, 2)).join(":")}:${seconds}.${
    pad(ms % 1000, 3)
  }Z`;
}

/** Days since 1970 in the Gregorian calendar, counted in years that begin in March. */
function calendarDate(days: number): string {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  const leaps = Math.floor(dayOfEra / (LEAP_DAYS - 1)) - Math.floor(dayOfEra / CENTURY_DAYS) +
    Math.floor(dayOfEra / (ERA_DAYS - 1));
  const yearOfEra = Math.floor((dayOfEra - leaps) / YEAR_DAYS);
  const dayOfYear = dayOfEra -
    (YEAR_DAYS * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153); // Five months are 153 days.
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}
