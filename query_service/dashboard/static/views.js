// The views: what each asks the API, and how it shows the rows. A view knows its state and its rows, nothing else.

import { swatch, timeChart } from "./charts.js";
import { besideEachOther, COMPARE, compareChoices, comparedBy, legend, LINES_MOST, linesOf, seriesOf, withoutEnd } from "./compare.js";
import { definitionOf } from "./definitions.js";
import { h } from "./dom.js";
import { dates, show } from "./format.js";
import { flightPage, FLIGHTS_SHOWN, flightsTable } from "./flights.js";
import { isBetterHigh } from "./goodness.js";
import { heatmap, HEAT_METRICS } from "./heatmap.js";
import { filtersOf, flightsBehind, within } from "./links.js";
import { airportMap } from "./map.js";
import { nameOf, routeNames } from "./names.js";
import { stepFor, stepOf, STEPS, words } from "./steps.js";
import { COLUMNS, statsTable } from "./tables.js";
import { beforeZoom, inView, MOST_ROWS, readState, valuesOf, withOnly, writeState, zoomed } from "./state.js";

// What every view asks beside its own question, but for those that say something else.
export const BESIDE = { title: "Totals", question: () => TOTALS };
export const TOTALS = { groupBy: [], orderBy: "", limit: null };

const ROWS_SHOWN = 25; // at first; what matters is at the top
const MIN_FLIGHTS = "30"; // by default in an order by a rate or a delay: those of a few flights are chance
const LEAST = { 1: "Any", 10: "10", 30: "30", 100: "100", 1000: "1,000" };

// What can be ranked by goodness; its columns' names are those of the table.
const RANKED = COLUMNS.filter((c) => !["flights", "on_time_departure_rate"].includes(c.key)).map((c) => c.key);
const worst = (column) => (isBetterHigh(column) ? column : `-${column}`);
const best = (column) => (isBetterHigh(column) ? `-${column}` : column);

export const VIEWS = {
  time: {
    title: "Over time",
    question: (state, extent) => ({
      groupBy: [timeColumn(state, extent), comparedBy(state)].filter(Boolean),
      orderBy: "",
      limit: MOST_ROWS,
    }),
    render: renderTime,
  },
  carriers: ranking({
    title: "Carriers",
    groupOf: () => "carrier",
    order: "-flights",
    isWhole: true,
  }),
  airports: ranking({
    title: "Airports",
    groupOf: (state) => sideOf(state),
    order: "-flights",
    above: (state, go) => sideSwitch(sideOf(state), go),
  }),
  routes: ranking({ title: "Routes", groupOf: () => "route", order: worst("arrival_delay_mean") }),
  when: {
    title: "Hours",
    question: () => ({ groupBy: ["weekday", "hour"], orderBy: "", limit: null }),
    render: renderHours,
  },
  map: {
    title: "Map",
    question: (state) => ({ groupBy: [mapSideOf(state)], orderBy: "-flights", limit: MOST_ROWS }),
    render: renderMap,
  },
  flights: {
    title: "Flights",
    question: (state) => ({ cursor: state.cursor, orderBy: state.order, limit: FLIGHTS_SHOWN }),
    render: (rows, state, go, _, answer) => flightsTable(rows, state, answer.next_cursor, go),
  },
  flight: {
    title: "One flight",
    tab: "flights",
    isOne: true,
    question: (state) => ({ flight: state.flight }),
    beside: { title: "Events", question: (state) => ({ events: state.flight }) },
    render: ([flight], state, _, __, ___, events) => flightPage(flight, state, events),
  },
};

// The words of the page's own parameters; anything else is refused like a wrong filter.
export const CHOICES = {
  view: Object.keys(VIEWS),
  by: ["", ...Object.keys(STEPS)],
  compare: COMPARE,
  side: ["", "origin", "destination"],
  metric: ["", ...Object.keys(HEAT_METRICS)],
};

// `extent`: what the lake has flights of, { months: [...], last: date or null }; empty until that is known.
function timeColumn(state, { months, last }) {
  if (state.by) return STEPS[state.by].column;
  const first = months.length ? `${months[0]}-01` : last;
  const from = valuesOf(state, "date_from")[0] ?? first;
  const to = valuesOf(state, "date_to")[0] ?? last ?? (months.length ? `${months.at(-1)}-28` : null);
  const days = from && to ? (Date.parse(to) - Date.parse(from)) / 86_400_000 : NaN; // not known, or no dates
  return STEPS[stepFor(days, comparedBy(state) !== "") ?? "month"].column;
}

const STEP_LABELS = Object.fromEntries(Object.entries(STEPS).map(([step, { label }]) => [step, label]));

function renderTime(rows, state, go, question, { truncated }) {
  const [at, by] = question.groupBy;
  const groupsOf = (row) => [...filtersOf(state, at, row[at]), ...(row[by] === undefined ? [] : filtersOf(state, by, row[by]))];
  const behind = (row, counted) => flightsBehind(state, counted, groupsOf(row));
  const onPick = (row) => go(readState(new URL(behind(row, "flights"), location).search));
  const compare = compareChoices(state);
  const found = by ? linesOf(state, by, rows) : null;
  const points = truncated ? withoutEnd(rows, at) : rows;
  const charts = found ? comparedCharts(points, at, by, found.lines) : { rows: points, charts: CHARTS };
  const onZoom = (from, to) => go(zoomed(state, within(state, from, to)));
  const chart = ([title, series, range, tip]) => timeChart({ title, tip, rows: charts.rows, at, series, range, onPick, onZoom });
  return [
    h(
      "div",
      { class: "switches" },
      switchOf("A point each", { by: stepOf(at) }, "by", STEP_LABELS, go),
      compare ? switchOf("A line for", { compare: by || "none" }, "compare", compare, go) : null,
      zoomOut(state, go),
    ),
    ...(found ? legend(by, found, swatch) : []),
    truncated ? cutShort(rows, at) : null,
    h("div", { class: "charts" }, charts.charts.map(chart)),
    h(
      "details",
      { class: "as-table", "data-open": "as-table" },
      h("summary", { "data-focus": "as-table" }, "The charts as a table"),
      timeTable(rows, at, by, behind),
    ),
  ];
}

// The newest dates are those that an answer with too many rows lacks.
function cutShort(rows, at) {
  const end = `the charts end before ${words(at, rows.at(-1)[at])}`;
  const said = `There are more than ${show("count", rows.length)} rows: ${end}. Fewer dates or a longer step show all.`;
  return h("p", { class: "missing", "data-cut": true }, said);
}

function zoomOut(state, go) {
  const before = beforeZoom(state);
  if (!before) return h("p", { class: "hint" }, "Drag over a chart to zoom in.");
  const { from, to } = before;
  const label = from && to ? dates(from, to) : from ? `all since ${dates(from, from)}` : to ? `all until ${dates(to, to)}` : "all dates";
  const button = { type: "button", "data-focus": "zoom out", onclick: () => go(before.state) };
  return h("div", { class: "segments" }, h("button", button, `Zoom out to ${label}`));
}

function timeTable(rows, at, by, linkOf) {
  const step = STEPS[stepOf(at)].label;
  const group = by ? LABELS[by].toLowerCase() : "";
  const code = (row) => (by ? [", ", h("b", {}, row[by])] : []);
  return statsTable({
    rows,
    caption: `By ${step.toLowerCase()}${by ? ` and ${group}` : ""}`,
    first: { key: at, label: by ? `${step}, ${group}` : step, cell: (row) => [words(at, row[at]), ...code(row)] },
    linkOf,
  });
}

const upTo = (least) => (_, max) => [0, Math.max(least, max * 1.1)];
const RANGES = {
  on_time: (min) => [Math.max(0, Math.floor(min * 10 - 0.2) / 10), 1],
  delay: (min, max) => [Math.min(0, min * 1.1), Math.max(10, max * 1.1)],
  cancelled: upTo(0.02),
  flights: upTo(5),
};

const second = { colour: "--warm", thin: true, dash: [4, 3] };
// What several numbers of a chart mean, by the labels of their lines.
const meaningOf = (series) =>
  series.length === 1
    ? definitionOf(series[0].column)
    : series.map(({ column, label }) => `${label}: ${definitionOf(column)}`).join("\n");

const CHARTS = [
  [
    "On time",
    [
      { column: "on_time_arrival_rate", label: "Arrivals", colour: "--accent", kind: "rate" },
      { column: "on_time_departure_rate", label: "Departures", kind: "rate", ...second },
    ],
    RANGES.on_time,
  ],
  [
    "Arrival delay in minutes",
    [
      { column: "arrival_delay_mean", label: "Mean", colour: "--accent", kind: "mean" },
      { column: "arrival_delay_p90", label: "9 in 10 within", kind: "minutes", ...second },
    ],
    RANGES.delay,
  ],
  [
    "Cancelled",
    [{ column: "cancellation_rate", label: "Of all flights", colour: "--bad", kind: "rate", bars: true }],
    RANGES.cancelled,
  ],
  ["Flights", [{ column: "flights", label: "Flights", colour: "--accent", kind: "count", bars: true }], RANGES.flights],
].map(([title, series, range]) => [title, series, range, meaningOf(series)]);

// A number each, with a line for each of what is compared.
const COMPARED = [
  ["Arrived on time", "on_time_arrival_rate", "rate", RANGES.on_time],
  ["Mean arrival delay in minutes", "arrival_delay_mean", "mean", RANGES.delay],
  ["Cancelled", "cancellation_rate", "rate", RANGES.cancelled],
  ["Flights", "flights", "count", RANGES.flights],
];

function comparedCharts(rows, at, by, lines) {
  const columns = COMPARED.map(([, column]) => column);
  return {
    rows: besideEachOther(rows, at, by, lines, columns),
    charts: COMPARED.map(([title, column, kind, range]) => [
      ...[title, seriesOf(lines, column, kind), range],
      definitionOf(column),
    ]),
  };
}

function renderHours(rows, state, go) {
  const metric = state.metric || "on_time_departure_rate";
  const at = (row) => ["weekday", "hour"].flatMap((name) => filtersOf(state, name, row[name]));
  return [
    switchOf("Show", state, "metric", HEAT_METRICS, go, "on_time_departure_rate"),
    heatmap(rows, metric, (row) => flightsBehind(state, metric, at(row))),
  ];
}

function renderMap(rows, state, go) {
  const field = mapSideOf(state);
  const metric = state.metric || "arrival_delay_mean";
  const only = (code) => onlyAirport(state, field, code);
  return [
    h(
      "div",
      { class: "switches" },
      sideSwitch(field, go),
      switchOf("Colour", state, "metric", HEAT_METRICS, go, "arrival_delay_mean"),
    ),
    airportMap({ rows, field, metric, onPick: (code) => go(only(code)) }),
    statsTable({
      rows,
      caption: `Airports of the map, by ${LABELS[field].toLowerCase()}`,
      first: { key: field, label: LABELS[field], cell: (row) => codeLink(row[field], nameOf(field, row[field]), only(row[field])) },
      linkOf: (row, counted) => flightsBehind(state, counted, filtersOf(state, field, row[field])),
    }),
  ];
}

// Only the flights of an airport, shown by their other ends.
const onlyAirport = (state, field, code) => ({
  ...withOnly(state, field, code),
  side: field === "origin" ? "destination" : "origin",
});

// A table of groups, the ends of which say something: with the flights that each is about, and at least so many.
function ranking({ title, groupOf, order: usual, isWhole = false, above = () => null }) {
  const orderOf = (state) => state.order || usual;
  const least = (state) =>
    state.min_flights || (COLUMNS.slice(1).some((c) => c.key === column(orderOf(state))) ? MIN_FLIGHTS : "1");
  return {
    title,
    question: (state) => ({
      groupBy: [groupOf(state)],
      orderBy: orderOf(state),
      minFlights: least(state) === "1" ? null : least(state),
      limit: isWhole ? null : state.rows || ROWS_SHOWN,
    }),
    render(rows, state, go, _, { truncated }) {
      const group = groupOf(state);
      const label = LABELS[group];
      const order = orderOf(state);
      const shown = Number(state.rows || ROWS_SHOWN);
      return [
        above(state, go),
        h(
          "div",
          { class: "switches" },
          ranks(order, (next) => go({ order: next, rows: "" })),
          segments("Flights at least", LEAST, least(state), (value) => go({ min_flights: value })),
        ),
        compareFirst(rows, group, state),
        statsTable({
          rows,
          caption: `By ${label.toLowerCase()}`,
          first: { key: group, label, cell: (row) => nameCell(group, row[group], state) },
          css: group === "route" ? "two-lines" : "",
          linkOf: (row, counted) => flightsBehind(state, counted, filtersOf(state, group, row[group])),
          order,
          onOrder: (next) => go({ order: next }),
        }),
        truncated && shown < MOST_ROWS ? more(() => go({ rows: String(Math.min(MOST_ROWS, shown * 2)) })) : null,
      ];
    },
  };
}

const LABELS = { carrier: "Carrier", origin: "Origin", destination: "Destination", route: "Route" };
const column = (order) => order.replace(/^-/, "");

function ranks(order, pick) {
  const by = column(order);
  const end = !RANKED.includes(by) ? "" : order === worst(by) ? "worst" : "best";
  const labels = Object.fromEntries(COLUMNS.filter((c) => RANKED.includes(c.key)).map((c) => [c.key, c.label]));
  const at = (which, name) => pick(which === "best" ? best(name) : worst(name));
  return [
    segments("Order", { worst: "Worst first", best: "Best first" }, end, (which) =>
      at(which, RANKED.includes(by) ? by : "on_time_arrival_rate"),
    ),
    segments("By", labels, by, (name) => at(end, name)),
  ];
}

// Leads from the first of a ranking to a line each; routes have no filter of their own.
function compareFirst(rows, group, state) {
  const first = rows.slice(0, LINES_MOST).map((row) => [group, row[group]]);
  if (group === "route" || first.length < 2) return null;
  const filters = [...state.filters.filter(([name]) => name !== group), ...first];
  const href = writeState({ ...inView(state, "time"), compare: group, filters });
  const label = `Compare the first ${first.length} over time`;
  return h("p", { class: "compare" }, h("a", { href, "data-nav": true, "data-focus": "compare" }, label));
}

const more = (onclick) =>
  h("p", { class: "more" }, h("button", { type: "button", "data-focus": "more", onclick }, "Show more"));

function nameCell(group, code, state) {
  if (group !== "route") return named(code, nameOf(group, code), state, [[group, code]]);
  const [origin, destination] = code.split("-");
  return named(code, routeNames(code), state, [
    ["origin", origin],
    ["destination", destination],
  ]);
}

const sideOf = (state) => state.side || "origin";
const mapSideOf = (state) => state.side || "destination"; // where flights go says more than where few begin

function sideSwitch(side, go) {
  return switchOf("Airports of", { side }, "side", { origin: "Departure", destination: "Arrival" }, go);
}

// A code with its name; leads to its course over time.
function named(code, name, state, values) {
  const filters = [...state.filters.filter(([n]) => !values.some(([field]) => field === n)), ...values];
  return codeLink(code, name, { ...inView(state, "time"), filters });
}

function codeLink(code, name, next) {
  return h(
    "a",
    { href: writeState(next), "data-nav": true, "data-focus": `row ${code}` },
    h("b", {}, code),
    " ",
    h("span", { class: "name" }, name),
  );
}

// Nothing is left of what there is: too few flights each.
export const tooFew = (question) => `No group has at least ${question.minFlights} flights here.`;

function switchOf(label, state, field, choices, go, fallback = "") {
  return segments(label, choices, state[field] || fallback, (value) => go({ [field]: value }));
}

function segments(label, choices, current, pick) {
  const button = ([value, text]) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(value === current),
        "data-focus": `${label} ${value}`,
        "data-tip": definitionOf(value),
        onclick: () => pick(value),
      },
      text,
    );
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": label },
    h("span", { class: "label" }, label),
    Object.entries(choices).map(button),
  );
}
