// Totals beside those of earlier dates: the period before, of the same length, and the same dates a year before.

import { firstDate } from "./extent.js";
import { dates, show, signed, UNKNOWN } from "./format.js";
import { hasGoodness, isBetterHigh } from "./goodness.js";
import { valuesOf, withOnly } from "./state.js";
import { datesOf } from "./steps.js";

const DAY_MS = 86_400_000;

// [{ id, short, label, from, to, filters }]: those that lie wholly in what the lake has flights of.
// None without a first day, since nothing is before all of it.
export async function earlierThan(state, { months: [month], last }) {
  const [from, until] = ["date_from", "date_to"].map((name) => valuesOf(state, name)[0]);
  if (!from || !month || !last) return [];
  const to = until && until < last ? until : last; // days that are still to come compare with nothing
  const days = Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS) + 1;
  if (!(days > 0)) return [];
  const before = days === 1 ? "day before" : `${show("count", days)} days before`;
  const periods = [
    { id: "before", short: before, label: `the ${before}`, from: moved(from, -days), to: moved(from, -1) },
    { id: "year", short: "a year before", label: "a year before", ...aYearBefore(from, to) },
  ];
  const isAsked = periods.some((period) => monthOf(period.from) === month); // the lake may begin within it
  const first = isAsked ? await firstDate(month) : null;
  return periods
    .filter((period) => monthOf(period.from) > month || (first && period.from >= first))
    .map((period) => {
      const at = withOnly(withOnly(state, "date_from", period.from), "date_to", period.to);
      return { ...period, filters: at.filters };
    });
}

const moved = (date, days) => new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10);

const monthOf = (date) => date.slice(0, 7);
const endOf = (month) => datesOf("month", month)[1];

// Whole months beside whole months, which have 29 February where that year has it.
// Else the same days; 29 February becomes the 28th.
function aYearBefore(from, to) {
  const isWhole = from.endsWith("-01") && to === endOf(monthOf(to));
  const [since, until] = [from, to].map((date) => {
    const sameDay = `${Number(date.slice(0, 4)) - 1}${date.slice(4)}`;
    const end = endOf(monthOf(sameDay));
    return sameDay < end ? sameDay : end;
  });
  return { from: since, to: isWhole ? endOf(monthOf(until)) : until };
}

// { text, tone, said }: the change from `then` to `now`, whether it is good, and both in words.
export function changeOf({ column, kind, unit = "" }, now, then, period) {
  const value = (of) => [show(kind, of), unit].filter(Boolean).join(" ");
  const said = `${value(now)}; ${period.label} (${dates(period.from, period.to)}) ${value(then)}`;
  const isUnknown = now === null || then === null || (kind === "count" && then === 0);
  if (isUnknown) return { text: UNKNOWN, tone: "", said: `${said}.` };
  const text = difference(kind, now, then);
  const isSame = text.startsWith("0");
  const tone = isSame || !hasGoodness(column) ? "" : isBetterHigh(column) === now > then ? "good" : "bad";
  return { text, tone, said: `${said}: ${isSame ? "no change" : `${text}${tone && `, which is ${WORDS[tone]}`}`}.` };
}

const WORDS = { good: "better", bad: "worse" };

// Of rates in percentage points, of counts in percent, of delays in minutes.
function difference(kind, now, then) {
  if (kind === "rate") return `${signed("mean", (now - then) * 100)} points`;
  if (kind === "count") return `${signed("mean", ((now - then) / then) * 100)}%`;
  return `${signed(kind, now - then)} min`;
}
