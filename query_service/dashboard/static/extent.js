// Which dates the lake has flights of.

import { get, Problem } from "./api.js";
import { statsPath } from "./state.js";

export const NOWHERE = { months: [], last: null };

// Of a lake as the API describes it. Its months are those of the snapshot: what comes after is looked for in the tail.
export async function extentOf(lake) {
  const months = lake.months.map(({ month }) => month);
  return { months, last: await lastDate(months.at(-1)) };
}

async function lastDate(month) {
  const filters = month ? [["date_from", `${month}-01`]] : [];
  const question = { groupBy: ["flight_date"], orderBy: "-flight_date", limit: 1 };
  try {
    return (await get(statsPath(filters, question), { retries: 0 })).body.data[0]?.flight_date ?? null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return null; // dates can be typed without
  }
}
