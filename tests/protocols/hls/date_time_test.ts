// Goal: dates are those of the calendar.
// Method: against the runtime's own Date, over leap years, centuries and the ends of the range.
import { writeDateTime } from "../../../protocols/hls/date_time.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { seededRandom } from "../../support/random.ts";

/** In the year 2255. */
const LAST_US = Number.MAX_SAFE_INTEGER;

Deno.test("writeDateTime() writes what Date writes", () => {
  const random = seededRandom(1);
  const days = ["2000-02-28", "2000-02-29", "2000-03-01", "2100-02-28", "2100-03-01", "2200-02-28"];
  const times = [0, LAST_US, ...days.map((day) => Date.parse(day) * 1000)];
  for (let i = 0; i < 2_000; i++) times.push(Math.floor(random.next() * LAST_US));
  for (const wallUs of times) {
    assertEquals(writeDateTime(wallUs), new Date(Math.floor(wallUs / 1000)).toISOString());
  }
});

Deno.test("writeDateTime() refuses what has no such form", () => {
  for (const wallUs of [-1, LAST_US + 1, 1.5, NaN]) {
    assertThrows(() => writeDateTime(wallUs), RangeError);
  }
});
