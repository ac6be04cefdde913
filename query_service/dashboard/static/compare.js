// Several carriers, airports or routes beside each other: which are compared, their lines, legend and table.

import { h } from "./dom.js";
import { nameOf, routeNames } from "./names.js";
import { valuesOf } from "./state.js";

export const LINES_MOST = 6; // more dashes and colours nobody tells apart
const LABELS = { carrier: "Each carrier", route: "Each route", origin: "Each origin", destination: "Each destination" };
const PLURALS = { carrier: "carriers", route: "routes", origin: "airports", destination: "airports" };
export const COMPARE = ["", "none", ...Object.keys(LABELS)];

// Each is known by its dashes alone: solid, long, dots, dash and dot, short, dash and two dots.
const DASHES = [[], [12, 5], [2, 4], [10, 4, 2, 4], [5, 4], [10, 3, 2, 3, 2, 3]];

// The groups that can have a line each, the usual one first: those of which several are chosen.
function comparable(state) {
  const count = (name) => valuesOf(state, name).length;
  const isSeveral = (name) => count(name) > 1;
  const isRoutes = count("origin") && count("destination") && (isSeveral("origin") || isSeveral("destination"));
  return Object.keys(LABELS).filter((name) => (name === "route" ? isRoutes : isSeveral(name)));
}

// The group that has a line each; "" where all is drawn together.
export function comparedBy(state) {
  const names = comparable(state);
  if (state.compare === "none") return "";
  return names.includes(state.compare) ? state.compare : (names[0] ?? "");
}

// What can be chosen between; null where there is nothing to compare.
export function compareChoices(state) {
  const names = comparable(state);
  const labels = Object.fromEntries(names.map((name) => [name, LABELS[name]]));
  return names.length ? { none: "All", ...labels } : null;
}

// { lines: [{ code, name, colour, dash }], without: [codes] }: a line each in the order in which they were chosen;
// routes, which are chosen by their ends, by their flights.
export function linesOf(state, by, rows) {
  const codes = by === "route" ? byFlights(rows) : valuesOf(state, by);
  const lines = codes.slice(0, LINES_MOST).map((code, index) => ({
    code,
    name: by === "route" ? routeNames(code) : nameOf(by, code),
    colour: `--line-${index + 1}`,
    dash: DASHES[index],
  }));
  return { lines, without: codes.slice(LINES_MOST) };
}

function byFlights(rows) {
  const flights = new Map();
  for (const row of rows) flights.set(row.route, (flights.get(row.route) ?? 0) + row.flights);
  return [...flights.keys()].sort((one, other) => flights.get(other) - flights.get(one));
}

const keyOf = (column, code) => `${column} ${code}`;

// A row for each point in time that has of every line what `columns` name; without a flight a count of 0 and no rate.
export function besideEachOther(rows, at, by, lines, columns) {
  const none = Object.fromEntries(
    lines.flatMap(({ code }) => columns.map((column) => [keyOf(column, code), column === "flights" ? 0 : null])),
  );
  const found = new Map();
  for (const row of rows) {
    if (!found.has(row[at])) found.set(row[at], { [at]: row[at], ...none });
    for (const column of columns) found.get(row[at])[keyOf(column, row[by])] = row[column];
  }
  return [...found.values()];
}

// An answer that is cut short may lack some of the lines at its last point in time.
// They would seem to have no flight then.
export const withoutEnd = (rows, at) => rows.filter((row) => row[at] !== rows.at(-1)[at]);

export const seriesOf = (lines, column, kind) =>
  lines.map(({ code, colour, dash }) => ({ column: keyOf(column, code), label: code, colour, dash, kind, isCompared: true }));

// What the lines are, in full; in words what has none.
export function legend(by, { lines, without }, swatch) {
  const item = (line) =>
    h("li", { "data-line": line.code }, swatch(line), h("b", {}, line.code), " ", h("span", { class: "name" }, line.name));
  const chosen = `${lines.length + without.length} ${PLURALS[by]} are chosen, and up to ${LINES_MOST} have a line.`;
  return [
    h("ul", { class: "legend", "aria-label": "Lines" }, lines.map(item)),
    without.length
      ? h("p", { class: "missing", "data-without": true }, `${chosen} Without one: ${without.join(", ")}; the table has all.`)
      : null,
  ];
}
