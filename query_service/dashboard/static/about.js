// Which data these are: how many flights, of which dates and airports, as of when.

import { get, Problem } from "./api.js";
import { byId, h, replace } from "./dom.js";
import { bucket, show } from "./format.js";
import { flightsBehind } from "./links.js";
import { MOST_ROWS, readState, statsPath } from "./state.js";

const AFTER_VIEW_MS = 2_000; // charts are there within one

let lake = null;
let extent = null;
let airports = null; // { count, isAll } of the snapshot that it was asked for
let askedOf = null;

// After each look at the lake; `found` once it is known which dates it has.
export function describe(seen, found = extent) {
  [lake, extent] = [seen, found];
  draw();
}

// Once for each snapshot: a flight of the tail seldom is the first of its airport. What the view shows comes first.
export function countAirports(snapshot) {
  if (snapshot === askedOf) return;
  askedOf = snapshot;
  setTimeout(count, AFTER_VIEW_MS);
}

async function count() {
  const question = { groupBy: ["route"], orderBy: "", limit: MOST_ROWS };
  try {
    const { data, truncated } = (await get(statsPath([], question), { retries: 0 })).body;
    airports = { count: new Set(data.flatMap(({ route }) => route.split("-"))).size, isAll: !truncated };
    draw();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    askedOf = null; // with the next answer
  }
}

function draw() {
  if (!lake || !extent) return;
  const { months, last } = extent;
  const parts = [""];
  if (last) parts.push(`${months.length ? `${bucket(months[0])} to ` : ""}${bucket(last)}`);
  if (airports) parts.push(`${airports.isAll ? "" : "more than "}${show("count", airports.count)} airports`);
  parts.push(`as of ${lake.listed_at.slice(0, 19).replace("T", " ")} UTC`);
  const href = flightsBehind(readState(""), "flights");
  const link = { href, class: "number-link", "data-nav": true, "data-focus": "all flights of the lake" };
  replace(byId("data"), h("a", link, show("count", lake.flights), " flights"), parts.join(" · "));
}
