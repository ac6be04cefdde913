// Where the labels of a time axis stand, and what they say: days, months or years, as many as there is room for.

import { dayLabel, monthLabel, yearLabel } from "./format.js";

const DAY_S = 86_400;
const DAYS = [1, 2, 7, 14]; // between two labels
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240];

// `at`: seconds, at most `most` of them but at least one where a point can be; `text(second)`: its label.
export function ticksOf(from, to, isMonths, most) {
  const candidates = [
    ...(isMonths ? [] : DAYS.map((step) => ({ at: days(from, to, step), text: dayLabel }))),
    ...MONTHS.map((step) => ({ at: months(from, to, step), text: step < 12 ? monthLabel : yearLabel })),
  ];
  const fitting = candidates.find(({ at }) => at.length > 0 && at.length <= Math.max(1, most));
  return fitting ?? { at: [], text: monthLabel };
}

function days(from, to, step) {
  const first = Math.ceil(from / DAY_S);
  return Array.from({ length: Math.floor(to / DAY_S) - first + 1 }, (_, i) => first + i)
    .filter((_, i) => i % step === 0)
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
