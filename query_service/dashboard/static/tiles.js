// The totals: a number each, what it means, and how it changed.

import { get, Problem } from "./api.js";
import { changeOf, earlierThan } from "./changes.js";
import { DEFINITIONS } from "./definitions.js";
import { h, replace } from "./dom.js";
import { flightsBehind } from "./links.js";
import { statsPath } from "./state.js";
import { datum, linked } from "./tables.js";
import { why } from "./tips.js";
import { TOTALS } from "./views.js";

const TILES = [
  { column: "flights", kind: "count" },
  { column: "on_time_arrival_rate", kind: "rate" },
  { column: "arrival_delay_mean", kind: "mean", unit: "min" },
  { column: "arrival_delay_p90", kind: "minutes", unit: "min" },
  { column: "cancellation_rate", kind: "rate" },
  { column: "diverted", kind: "count" },
];

let drawn = null; // { element, totals, state, last } that is on the page: answers for others come too late

// Earlier totals are asked for beside what is shown, and are added once they are there.
export function drawTiles(element, totals, state, extent) {
  drawn = { element, totals, state, last: extent.last };
  draw([], []);
  compare(drawn, extent);
}

async function compare(mine, extent) {
  const periods = await earlierThan(mine.state, extent);
  if (mine !== drawn || !periods.length) return;
  draw(periods, []);
  const found = await Promise.all(periods.map(totalsOf));
  if (mine === drawn) draw(periods, found);
}

function draw(periods, found) {
  const { element, totals, state } = drawn;
  replace(element, TILES.map((tile) => drawTile(tile, totals, state, periods, found)));
}

// What the lake has flights of may be known only after the totals.
export function compareTiles(extent) {
  if (drawn && drawn.last !== extent.last) drawTiles(drawn.element, drawn.totals, drawn.state, extent);
}

export function clearTiles(element) {
  drawn = null;
  replace(element);
}

// In place of numbers that are not there yet.
export function drawGhosts(element) {
  drawn = null;
  const ghost = ({ column }) =>
    h("div", { class: "tile" }, h("span", { class: "label" }, DEFINITIONS[column].label), h("span", { class: "value ghost" }, " "));
  replace(element, TILES.map(ghost));
}

// Null where they cannot be had: the totals of now are right without.
async function totalsOf(period) {
  try {
    return (await get(statsPath(period.filters, TOTALS), { retries: 0 })).body.data[0];
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return null;
  }
}

const unknown = (isAnswered, { label }) =>
  isAnswered
    ? { text: "?", tone: "", said: `The numbers of ${label} could not be had.` }
    : { text: "…", tone: "", said: "" };

function drawTile(tile, totals, state, periods, found) {
  const { label, text } = DEFINITIONS[tile.column];
  const now = totals[tile.column];
  const suffix = tile.unit && now !== null ? h("small", {}, ` ${tile.unit}`) : null;
  const changes = periods.map((period, index) => {
    const then = found[index];
    const change = then ? changeOf(tile, now, then[tile.column], period) : unknown(found.length > 0, period);
    const href = then ? flightsBehind({ ...state, filters: period.filters }, tile.column) : null;
    return { period, href, ...change };
  });
  const says = [text, ...changes.map(({ said }) => said)];
  return h(
    "div",
    { class: "tile", "data-column": tile.column, "data-tip": says.filter(Boolean).join("\n") },
    h("span", { class: "label" }, label),
    why(label),
    h("span", { class: "value" }, linked(flightsBehind(state, tile.column), datum(tile.kind, now)), suffix),
    changes.map(drawChange),
  );
}

// Leads to the flights that it is compared with.
function drawChange({ period, text, tone, href }) {
  const parts = [h("b", { class: tone || null }, text), " ", h("span", { class: "nowrap" }, `vs ${period.short}`)];
  return h("span", { class: "change", "data-change": period.id }, linked(href, h("span", {}, parts)));
}
