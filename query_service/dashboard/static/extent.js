// Which dates the lake has flights of.

import { get, Problem } from "./api.js";
import { statsPath } from "./state.js";
import { datesOf } from "./steps.js";

export const NOWHERE = { months: [], last: null };

// Of a lake as the API describes it. Its months are those of the snapshot: what comes after is looked for in the tail.
export async function extentOf(lake) {
  const months = lake.months.map(({ month }) => month);
  return { months, last: await lastDate(months.at(-1)) };
}

const lastDate = (month) => endOf(month ? [["date_from", `${month}-01`]] : [], "-flight_date");

const firstDates = new Map(); // of months; one that is outdated only leaves out a comparison

// The first date with flights, of a lake whose first month this is. Asked for where it matters.
export async function firstDate(month) {
  if (firstDates.has(month)) return firstDates.get(month);
  const found = await endOf([["date_to", datesOf("month", month)[1]]], "flight_date");
  if (found) firstDates.set(month, found);
  return found;
}

async function endOf(filters, orderBy) {
  const question = { groupBy: ["flight_date"], orderBy, limit: 1 };
  try {
    return (await get(statsPath(filters, question), { retries: 0 })).body.data[0]?.flight_date ?? null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return null; // dates can be typed, and totals shown, without
  }
}
