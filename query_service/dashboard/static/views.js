// The views: what each asks the API, and how it shows the rows. A view knows its state and its rows, nothing else.

import { timeChart } from "./charts.js";
import { h } from "./dom.js";
import { bucket } from "./format.js";
import { heatmap, HEAT_METRICS } from "./heatmap.js";
import { nameOf, routeNames } from "./names.js";
import { COLUMNS, flipped, statsTable } from "./tables.js";
import { valuesOf, writeState } from "./state.js";

export const TOTALS = { groupBy: [], orderBy: "", limit: null };

const MOST_ROWS = 10_000; // what the API gives at most; days since 1999
const ROUTES_SHOWN = 25; // a page of them: the worst are at its top
const DAYS_MOST = 124; // four months: up to here every day has a point of its own on a small screen

// Worst first, for the metrics that routes can be ordered by.
const WORST = {
  arrival_delay_mean: "-arrival_delay_mean",
  arrival_delay_p90: "-arrival_delay_p90",
  on_time_arrival_rate: "on_time_arrival_rate",
  cancellation_rate: "-cancellation_rate",
};

export const VIEWS = {
  time: {
    title: "Over time",
    question: (state, extent) => ({ groupBy: [timeColumn(state, extent)], orderBy: "", limit: MOST_ROWS }),
    render: renderTime,
  },
  carriers: grouped("Carriers", () => "carrier"),
  airports: grouped("Airports", (state) => (state.side === "destination" ? "destination" : "origin"), sideSwitch),
  routes: {
    title: "Routes",
    question: (state) => ({
      groupBy: ["route"],
      orderBy: state.order || WORST.arrival_delay_mean,
      limit: ROUTES_SHOWN,
    }),
    render: renderRoutes,
  },
  when: {
    title: "Hours",
    question: () => ({ groupBy: ["weekday", "hour"], orderBy: "", limit: null }),
    render: (rows, state, go) => [
      switchOf("Show", state, "metric", HEAT_METRICS, go, "on_time_departure_rate"),
      heatmap(rows, state.metric || "on_time_departure_rate"),
    ],
  },
};

// The words of the page's own parameters; anything else is refused like a wrong filter.
export const CHOICES = {
  view: Object.keys(VIEWS),
  by: ["", "day", "month"],
  side: ["origin", "destination"],
  metric: ["", ...Object.keys(HEAT_METRICS)],
};

// `extent`: what the lake has flights of, { months: [...], last: date or null }; empty until that is known.
function timeColumn(state, { months, last }) {
  if (state.by) return state.by === "day" ? "flight_date" : "month";
  const first = months.length ? `${months[0]}-01` : last;
  const from = valuesOf(state, "date_from")[0] ?? first ?? "1980-01-01";
  const to = valuesOf(state, "date_to")[0] ?? last ?? (months.length ? `${months.at(-1)}-28` : "2100-12-31");
  return (Date.parse(to) - Date.parse(from)) / 86_400_000 <= DAYS_MOST ? "flight_date" : "month";
}

function renderTime(rows, state, go, question) {
  const at = question.groupBy[0];
  const chart = (title, series, range) => timeChart({ title, rows, at, series, range });
  const upTo = (least) => (_, max) => [0, Math.max(least, max * 1.1)];
  return [
    switchOf(
      "A point each",
      { ...state, by: at === "month" ? "month" : "day" },
      "by",
      { day: "Day", month: "Month" },
      go,
    ),
    h(
      "div",
      { class: "charts" },
      chart(
        "On time",
        [
          { column: "on_time_arrival_rate", label: "Arrivals", colour: "--accent", kind: "rate" },
          { column: "on_time_departure_rate", label: "Departures", colour: "--warm", kind: "rate", thin: true },
        ],
        (min) => [Math.max(0, Math.floor(min * 10 - 0.2) / 10), 1],
      ),
      chart(
        "Arrival delay in minutes",
        [
          { column: "arrival_delay_mean", label: "Mean", colour: "--accent", kind: "mean" },
          { column: "arrival_delay_p90", label: "9 in 10 within", colour: "--warm", kind: "minutes", thin: true },
        ],
        (min, max) => [Math.min(0, min * 1.1), Math.max(10, max * 1.1)],
      ),
      chart(
        "Cancelled",
        [{ column: "cancellation_rate", label: "Of all flights", colour: "--bad", kind: "rate", bars: true }],
        upTo(0.02),
      ),
      chart(
        "Flights",
        [{ column: "flights", label: "Flights", colour: "--accent", kind: "count", bars: true }],
        upTo(5),
      ),
    ),
    h(
      "details",
      { class: "as-table", "data-open": "as-table" },
      h("summary", { "data-focus": "as-table" }, "The charts as a table"),
      statsTable({
        rows,
        caption: at === "month" ? "By month" : "By day",
        first: { key: at, label: at === "month" ? "Month" : "Day", cell: (row) => bucket(row[at]) },
      }),
    ),
  ];
}

function grouped(title, fieldOf, above = () => null) {
  return {
    title,
    question: (state) => ({ groupBy: [fieldOf(state)], orderBy: state.order || "-flights", limit: null }),
    render(rows, state, go) {
      const field = fieldOf(state);
      const label = { carrier: "Carrier", origin: "Origin", destination: "Destination" }[field];
      const first = {
        key: field,
        label,
        cell: (row) => named(row[field], nameOf(field, row[field]), state, [[field, row[field]]]),
      };
      const caption = `By ${label.toLowerCase()}`;
      return [
        above(state, go),
        statsTable({ rows, caption, first, order: state.order || "-flights", onOrder: (order) => go({ order }) }),
      ];
    },
  };
}

function sideSwitch(state, go) {
  return switchOf("Airports of", state, "side", { origin: "Departure", destination: "Arrival" }, go);
}

function renderRoutes(rows, state, go) {
  const order = state.order || WORST.arrival_delay_mean;
  const metric = order.replace(/^-/, "");
  const isWorst = order === WORST[metric];
  const labels = Object.fromEntries(COLUMNS.filter((c) => c.key in WORST).map((c) => [c.key, c.label]));
  const pick = (name, worst) => go({ order: worst ? WORST[name] : flipped(WORST[name]) });
  const ends = { worst: "Worst first", best: "Best first" };
  const current = metric in WORST ? (isWorst ? "worst" : "best") : "";
  const known = metric in WORST ? metric : "arrival_delay_mean";
  const first = {
    key: "route",
    label: "Route",
    cell(row) {
      const [origin, destination] = row.route.split("-");
      return named(row.route, routeNames(row.route), state, [
        ["origin", origin],
        ["destination", destination],
      ]);
    },
  };
  return [
    h(
      "div",
      { class: "switches" },
      segments("Order", ends, current, (end) => pick(known, end === "worst")),
      segments("By", labels, metric, (name) => pick(name, current !== "best")),
    ),
    statsTable({ rows, caption: "Routes", first, css: "two-lines", order, onOrder: (next) => go({ order: next }) }),
  ];
}

// A code with its name; leads to its course over time.
function named(code, name, state, values) {
  const filters = [...state.filters.filter(([n]) => !values.some(([field]) => field === n)), ...values];
  const href = writeState({ ...state, view: "time", order: "", filters });
  return h(
    "a",
    { href, "data-nav": true, "data-focus": `row ${code}` },
    h("b", {}, code),
    " ",
    h("span", { class: "name" }, name),
  );
}

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
