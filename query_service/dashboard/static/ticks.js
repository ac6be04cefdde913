// Where the labels of a time axis stand, and what they say: days, months or years, as many as there is room for.

import { dayLabel, monthLabel, yearLabel } from "./format.js";

const DAY_S = 86_400;
const DAYS = [1, 2, 7, 14]; // between two labels
const WEEKS = [7, 14, 28];
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240];
const MONDAY = 4; // of the days since 1970, by weeks
const LEAST_MONTHS = { quarter: 3, year: 12 }; // closer ones would name dates that no point has

// `at`: seconds, at most `most` of them but at least one where a point can be; `text(second)`: its label.
export function ticksOf(from, to, step, most) {
  const inDays = { day: DAYS, week: WEEKS }[step] ?? [];
  const inMonths = MONTHS.filter((count) => count >= (LEAST_MONTHS[step] ?? 1));
  const candidates = [
    ...inDays.map((count) => ({ at: days(from, to, count, step), text: dayLabel })),
    ...inMonths.map((count) => ({ at: months(from, to, count), text: count < 12 ? monthLabel : yearLabel })),
  ];
  const fitting = candidates.find(({ at }) => at.length > 0 && at.length <= Math.max(1, most));
  return fitting ?? { at: [], text: monthLabel };
}

function days(from, to, count, step) {
  const start = Math.ceil(from / DAY_S);
  const first = step === "week" ? start + ((MONDAY - (start % 7) + 7) % 7) : start;
  return Array.from({ length: Math.max(0, Math.floor(to / DAY_S) - first + 1) }, (_, i) => first + i)
    .filter((_, i) => i % count === 0)
    .map((day) => day * DAY_S);
}

function months(from, to, step) {
  const start = new Date(from * 1000);
  const found = [];
  for (let month = start.getUTCFullYear() * 12 + start.getUTCMonth(); ; month += 1) {
    const at = Date.UTC(Math.floor(month / 12), month % 12) / 1000;
    if (at > to) return found;
    if (at >= from && month % step === 0) found.push(at);
  }
}
