// Flights one by one: a page of them, and everything about one.

import { h } from "./dom.js";
import { eventsTable } from "./events.js";
import { bucket, moment, show } from "./format.js";
import { nameOf } from "./names.js";
import { inView, writeState } from "./state.js";
import { datum, header } from "./tables.js";

export const FLIGHTS_SHOWN = 50; // a page: some screens, and a few milliseconds
const KEY = "flight_id"; // the usual order

// Those with a `key` can be ordered by; `phone: false` is left out where there is no room.
const HEAD = [
  { key: KEY, label: "Flight" },
  { label: "Date", phone: false },
  { label: "Route" },
  { key: "scheduled_departure", label: "Scheduled, UTC", phone: false },
  { label: "Status" },
  { key: "departure_delay_minutes", label: "Departed late", kind: "minutes", phone: false },
  { key: "arrival_delay_minutes", label: "Arrived late", kind: "minutes" },
  { label: "Aircraft", phone: false },
];

const IN_ORDER = {
  [KEY]: ["by date, carrier and number", "by date, carrier and number, backwards"],
  scheduled_departure: ["by scheduled departure, earliest first", "by scheduled departure, latest first"],
  departure_delay_minutes: ["by departure delay, least first", "by departure delay, most first"],
  arrival_delay_minutes: ["by arrival delay, least first", "by arrival delay, most first"],
};

// `change(part)` is called with the other order, which begins with its first page.
export function flightsTable(rows, state, next, change) {
  const order = state.order || KEY;
  const caption = `Flights ${IN_ORDER[order.replace(/^-/, "")][order.startsWith("-") ? 1 : 0]}`;
  const onOrder = (by) => change({ order: by === KEY ? "" : by, cursor: "" });
  return [
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": caption, "data-focus": "flights" },
      h(
        "table",
        {},
        h("caption", {}, caption),
        h("thead", {}, h("tr", {}, HEAD.map((column) => header(column, order, column.key && onOrder)))),
        h(
          "tbody",
          {},
          rows.map((row) => flightRow(row, state)),
        ),
      ),
    ),
    pages(state, next),
  ];
}

function flightRow(row, state) {
  const href = writeState({ ...inView(state, "flight"), flight: row.flight_id });
  const delay = (name, css) => h("td", { class: css, "data-column": name }, datum("minutes", row[name]));
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("a", { href, "data-nav": true, "data-focus": `flight ${row.flight_id}` }, h("b", {}, numberOf(row))),
      h("span", { class: "narrow name" }, row.flight_date),
    ),
    h("td", { class: "wide nowrap" }, row.flight_date),
    h("td", { class: row.diverted_to ? "" : "route", title: routeOf(row, true) }, routeOf(row)),
    h("td", { class: "wide" }, moment(row.scheduled_departure)),
    h("td", {}, row.status),
    delay("departure_delay_minutes", "number wide"),
    delay("arrival_delay_minutes", "number"),
    h("td", { class: "wide" }, row.tail_number ?? "–"),
  );
}

const numberOf = (row) => `${row.carrier} ${row.flight_number}${row.operational_suffix}`;

function routeOf(row, isNamed = false) {
  const airport = (code) => (isNamed && nameOf("origin", code)) || code;
  const end = row.diverted_to ? ` (landed in ${airport(row.diverted_to)})` : "";
  return `${airport(row.origin)} → ${airport(row.destination)}${end}`;
}

// Keyset pages go forward; back is the browser's own.
function pages(state, next) {
  const link = (label, cursor) =>
    h("a", { href: writeState({ ...state, cursor }), "data-nav": true, "data-focus": label }, label);
  if (!state.cursor && !next) return null;
  return h(
    "nav",
    { class: "pages", "aria-label": "Pages" },
    state.cursor ? link("First page", "") : null,
    next ? link("Next page", next) : null,
  );
}

export function flightPage(flight, state, events) {
  const back = writeState({ ...inView(state, "flights"), flight: "" });
  const day = writeState({
    ...inView(state, "flights"),
    flight: "",
    filters: [
      ["carrier", flight.carrier],
      ["flight_number", String(flight.flight_number)],
    ],
  });
  return h(
    "article",
    { class: "flight panel" },
    h("h3", {}, `${numberOf(flight)}, ${bucket(flight.flight_date)}`),
    h("p", {}, [nameOf("carrier", flight.carrier), routeOf(flight, true)].filter(Boolean).join(" · ")),
    h("p", { class: "status" }, h("b", {}, flight.status), ` ${lateness(flight)}`),
    timeline(flight),
    h("h4", {}, "How this is known"),
    facts(known(flight)),
    ...eventsTable(events),
    h("h4", {}, "More"),
    facts(more(flight)),
    h(
      "p",
      {},
      h("a", { href: back, "data-nav": true, "data-focus": "all flights" }, "All flights"),
      " · ",
      h("a", { href: day, "data-nav": true, "data-focus": "other days" }, `${numberOf(flight)} on other days`),
    ),
  );
}

function lateness(flight) {
  const delay = flight.status === "arrived" ? flight.arrival_delay_minutes : flight.departure_delay_minutes;
  if (delay === null || ["scheduled", "cancelled"].includes(flight.status)) return "";
  if (delay === 0) return "to the minute";
  return `${show("minutes", Math.abs(delay))} minutes ${delay < 0 ? "early" : "late"}`;
}

// What was planned and what happened, by time; what is not known is left out.
function timeline(flight) {
  const late = (minutes) => (minutes === null ? "" : `, ${show("minutes", minutes)} min`);
  const steps = [
    ["Scheduled departure", flight.scheduled_departure, ""],
    ["Departure", flight.actual_departure, late(flight.departure_delay_minutes)],
    ["Scheduled arrival", flight.scheduled_arrival, ""],
    [flight.diverted_to ? `Landed in ${flight.diverted_to}` : "Arrival", flight.actual_arrival, late(flight.arrival_delay_minutes)],
    [`Known to be ${flight.status}`, flight.event_time, ""],
  ].filter(([, time]) => time !== null);
  steps.sort(([, one], [, other]) => Date.parse(one) - Date.parse(other));
  const step = ([label, time, note]) =>
    h("li", {}, h("time", { datetime: time }, `${moment(time)} UTC`), ` ${label}`, h("span", { class: "name" }, note));
  return h("ol", { class: "timeline", "aria-label": "Timeline" }, steps.map(step));
}

function known(flight) {
  const { file, message_id: message, message_line: line, absorbed } = flight.source;
  return {
    "Last change": `${moment(flight.event_time)} UTC`,
    Published: `${moment(flight.publish_time)} UTC`,
    Message: `${message}, line ${line}`,
    File: file,
    Merged: absorbed ? "yes, the file is part of the snapshot" : "not yet, the file is part of the tail",
  };
}

function more(flight) {
  const unit = (value, name) => (value === null ? null : `${show("count", value)} ${name}`);
  return {
    "Departure delay": unit(flight.departure_delay_minutes, "min"),
    "Arrival delay": unit(flight.arrival_delay_minutes, "min"),
    "In the air": unit(flight.air_time_minutes, "min"),
    Distance: unit(flight.distance_km, "km"),
    Aircraft: flight.tail_number,
    Id: flight.flight_id,
  };
}

const facts = (pairs) =>
  h(
    "dl",
    {},
    Object.entries(pairs)
      .filter(([, value]) => value !== null)
      .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
