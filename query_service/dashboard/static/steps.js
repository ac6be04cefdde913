// The steps of a time axis: the API's column for each, how many days it has, and the dates and words of its values.

import { bucket, dates } from "./format.js";

const DAY_MS = 86_400_000;

// `days`: of the shortest one. `most`: days of a span that are drawn in this step, so that points stay apart on a phone.
export const STEPS = {
  day: { column: "flight_date", label: "Day", days: 1, most: 124 },
  week: { column: "week", label: "Week", days: 7, most: 800 },
  month: { column: "month", label: "Month", days: 28, most: 4_400 }, // twelve years
  quarter: { column: "quarter", label: "Quarter", days: 90, most: 14_700 }, // forty
  year: { column: "year", label: "Year", days: 365, most: Infinity },
};
const COMPARED_TIMES = 4; // that many points fewer where lines cross each other

export const stepOf = (column) => Object.keys(STEPS).find((step) => STEPS[step].column === column) ?? null;

// The step for so many days, where a point is drawn of each, or of each of several lines.
export const stepFor = (days, isCompared) =>
  Object.keys(STEPS).find((step) => days * (isCompared ? COMPARED_TIMES : 1) <= STEPS[step].most);

// The first and the last date of a value of the API: of `2013-02-08`, `2013-W06`, `2013-02`, `2013-Q1` or 2013.
export function datesOf(column, value) {
  const year = Number(String(value).slice(0, 4));
  const part = Number(String(value).replace(/^\d+-\D?/, ""));
  const months = (from, count) => [iso(Date.UTC(year, from)), iso(Date.UTC(year, from + count, 0))];
  if (column === "month") return months(part - 1, 1);
  if (column === "quarter") return months(3 * part - 3, 3);
  if (column === "year") return months(0, 12);
  if (column !== "week") return [value, value];
  const fourth = Date.UTC(year, 0, 4); // is in the first week, whatever day it is
  const monday = fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * DAY_MS + (part - 1) * 7 * DAY_MS;
  return [iso(monday), iso(monday + 6 * DAY_MS)];
}

const iso = (time) => new Date(time).toISOString().slice(0, 10);

// A value of the API, in words.
export function words(column, value) {
  if (column === "week") return `Week ${Number(value.slice(6))}, ${dates(...datesOf(column, value))}`;
  if (column === "quarter") return `${value.slice(5)} ${value.slice(0, 4)}`;
  return column === "year" ? String(value) : bucket(value);
}
